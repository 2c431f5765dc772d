import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'

import { findKubeProxy } from '../../src/host/kube-proxy.ts'
import { ProgramError } from '../../src/host/programs.ts'
import { scriptedPrograms } from '../helpers/scripted-programs.ts'
import { loadKubeProxy, loadNftablesServices } from '../helpers/netns/small-kube-proxy.ts'
import {
  ORPHAN,
  requireNode,
  SERVICE,
  type SmallNode,
  startSmallNode,
} from '../helpers/netns/small-node.ts'
import { suiteOwner } from '../helpers/netns/suite-owner.ts'

test('findKubeProxy() takes rules that could not be listed for no answer, not for none', async () => {
  const of = (script: Parameters<typeof scriptedPrograms>[0]): Promise<string> =>
    findKubeProxy(scriptedPrograms(script), '10.96.0.10', 53)
  const failed = new ProgramError('E_PROGRAM', 'Cannot run nft: No such file or directory')
  const hung = new ProgramError('E_PROGRAM_UNHEARD', 'Cannot run nft: killed by SIGKILL')
  const iptables = { 'iptables-nft-save -V': 'iptables-nft-save v1.8.9 (nf_tables)' }
  const list = 'iptables-nft-save -t nat'
  assert.equal(await of({ nft: failed }), 'none')
  assert.equal(await of({ nft: failed, ...iptables, [list]: failed }), 'none')
  await assert.rejects(of({ nft: hung, ...iptables, [list]: '' }), hung)
  await assert.rejects(of({ nft: failed, ...iptables, [list]: hung }), hung)
})

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
