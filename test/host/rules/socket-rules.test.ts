// Interception while somebody listens, for nodes on which no interface can be made.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'

import { loadKubeProxy } from '../../helpers/netns/small-kube-proxy.ts'
import {
  KUBE_DNS,
  ORPHAN,
  requireNode,
  SERVICE,
  type SmallNode,
  startSmallNode,
} from '../../helpers/netns/small-node.ts'
import { suiteOwner } from '../../helpers/netns/suite-owner.ts'

const addresses = [SERVICE.ipv4, SERVICE.ipv6, ORPHAN.ipv4, ORPHAN.ipv6]
const kubeDns = /^kube-dns-[01]$/

for (const withoutNft of [false, true]) {
  const name = withoutNft ? 'iptables' : 'nft'
  describe(`rules of sockets made with ${name}`, { skip: requireNode('nft', 'iptables') }, () => {
    const owner = suiteOwner()
    let n: SmallNode

    before(async () => {
      n = await startSmallNode(owner)
      loadKubeProxy(n, 'iptables-nft')
      n.setLocal(true)
      const orphans = [ORPHAN.ipv4, ORPHAN.ipv6]
      await n.node.call('choose', { addresses, orphans, interception: 'socket', withoutNft })
      await n.node.call('setFallback', [...KUBE_DNS.ipv4, ...KUBE_DNS.ipv6])
      await n.node.call('install')
      await n.node.call('renewing', true)
    })

    async function answered(who: 'pod' | 'host', expected: RegExp): Promise<void> {
      for (const address of addresses) {
        for (const protocol of ['udp', 'tcp'] as const) {
          const answer = await n[who].ask(protocol, address)
          assert.match(answer, expected, `${who} asks ${address} over ${protocol}`)
        }
      }
    }

    test('leave queries to kube-dns while nobody listens, though the address is local', async () => {
      await answered('pod', kubeDns)
      await answered('host', kubeDns)
    })

    test('lead those of pods to who listens, and those of the node to kube-dns', async () => {
      await n.node.call('serve', 'local', addresses)
      await answered('pod', /^local$/)
      await answered('host', kubeDns)
      assert.deepEqual(await n.node.call('check'), [])
    })

    test('lead those of the node there too, to addresses whose pods nobody knows', async () => {
      await n.node.call('setFallback', [])
      for (const address of [ORPHAN.ipv4, ORPHAN.ipv6]) {
        for (const protocol of ['udp', 'tcp'] as const) {
          assert.equal(await n.host.ask(protocol, address), 'local', `${address} ${protocol}`)
        }
      }
      await n.node.call('setFallback', [...KUBE_DNS.ipv4, ...KUBE_DNS.ipv6])
    })

    test('leave them to kube-dns again when the sockets are closed', async () => {
      await n.node.call('stopServing')
      await answered('pod', kubeDns)
    })
  })
}
