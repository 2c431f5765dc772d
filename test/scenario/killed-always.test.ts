// SIGKILL as the only end there is: kubespray's primary has a grace period of 0. kube-dns answers each
// time, and each start is a clean one over what the last one left.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { addresses, LINK_LOCAL } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { type NodeDnslet, NodeModel } from '../helpers/node-model/node-model.ts'
import { inFull, signal } from '../helpers/node-model/scenario.ts'
import { waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns
const TIMES = inFull(20, 2)

describe('SIGKILL as the only end', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'nftables'] as const) {
    test(`${kubeProxy}: ${TIMES} times: kube-dns answers, and the next start is clean`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      let last: NodeDnslet | undefined
      for (let i = 0; i < TIMES; i++) {
        const dnslet = await model.startDnslet(undefined, last === undefined ? {} : { again: last })
        for (const place of ['pod', 'node'] as const) {
          for (const server of [VIP, LINK_LOCAL]) {
            assert.equal(await model.whoAnswers(place, server), 'dnslet', `start ${i}, ${server}`)
          }
        }
        const known = (): boolean => dnslet.output().includes('pods of kube-dns answer at')
        await waitUntil('it knows the pods', known, dnslet)
        assert.doesNotMatch(dnslet.output(), /"level":"(warning|error|fatal)"/)
        signal(dnslet.pid, 'SIGKILL')
        await waitUntil('its end', () => dnslet.ended() !== null)
        for (const place of ['pod', 'node'] as const) {
          for (const server of [VIP, LINK_LOCAL]) {
            await model.untilKubeDnsAnswers(place, server)
          }
        }
        last = dnslet
      }
    })
  }
})
