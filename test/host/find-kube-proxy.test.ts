import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'

import { loadKubeProxy, loadNftablesServices } from '../helpers/netns/small-kube-proxy.ts'
import {
  ORPHAN,
  requireNode,
  SERVICE,
  type SmallNode,
  startSmallNode,
} from '../helpers/netns/small-node.ts'
import { suiteOwner } from '../helpers/netns/suite-owner.ts'

describe('findKubeProxy()', { skip: requireNode('nft', 'iptables-legacy-restore') }, () => {
  const owner = suiteOwner()
  let n: SmallNode
  const of = (address: string): Promise<string> => n.node.call('findKubeProxy', address)

  before(async () => void (n = await startSmallNode(owner)))

  test('finds nobody on a node without it', async () => {
    assert.equal(await of(SERVICE.ipv4), 'none')
    assert.equal(await of(SERVICE.ipv6), 'none')
  })

  test('finds the Service in rules made with iptables-legacy', async () => {
    loadKubeProxy(n, 'iptables-legacy')
    assert.equal(await of(SERVICE.ipv4), 'iptables')
    assert.equal(await of(SERVICE.ipv6), 'iptables')
    assert.equal(await of('10.96.0.1'), 'none')
  })

  test('finds it in the map of the nftables mode', async () => {
    loadNftablesServices(n)
    assert.equal(await of(SERVICE.ipv4), 'nftables')
    assert.equal(await of(SERVICE.ipv6), 'nftables')
    assert.equal(await of(ORPHAN.ipv4), 'none')
  })
})
