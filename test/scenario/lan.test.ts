// A host of the LAN that routes the cache's addresses to the node (network.md: pitfall P5) must not
// get answers out of the cache: whoever can ask it from outside can use it to flood others.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { LINK_LOCAL, addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'

const { kubeDns, node } = addresses.ipv4

describe('the LAN of the node', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'nftables'] as const) {
    test(`${kubeProxy}: is not answered by dnslet`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      await model.startDnslet()
      for (const server of [kubeDns, LINK_LOCAL]) {
        await model.exec('lan', ['ip', 'route', 'add', `${server}/32`, 'via', node])
        for (const transport of ['+notcp', '+tcp']) {
          const who = await model.whoAnswers('lan', server, transport)
          assert.notEqual(who, 'dnslet', `${server} ${transport}`)
        }
        assert.equal(await model.whoAnswers('pod', server), 'dnslet', `${server}: pods are refused`)
      }
    })
  }
})
