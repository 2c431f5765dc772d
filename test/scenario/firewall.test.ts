// A node whose firewall lets in only what it knows: untracked packets are not among that.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { LINK_LOCAL, addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'

describe('a node that drops by default', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'iptables-legacy', 'nftables'] as const) {
    test(`${kubeProxy}: pods and node reach dnslet`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      const backend = kubeProxy === 'iptables-legacy' ? 'legacy' : 'nft'
      model.load(
        [`iptables-${backend}-restore`, '-n'],
        `*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      )
      await model.startDnslet()
      for (const server of [LINK_LOCAL, addresses.ipv4.kubeDns]) {
        for (const place of ['pod', 'node'] as const) {
          for (const transport of ['+notcp', '+tcp']) {
            const who = await model.whoAnswers(place, server, transport)
            assert.equal(who, 'dnslet', `${place} ${server} ${transport}`)
          }
        }
      }
    })
  }
})
