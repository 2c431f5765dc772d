// What node-cache leaves on a node when it is killed: its rules are not tied to anything, and DNS is
// dead. dnslet starts over that, and fails open afterwards.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { LINK_LOCAL, addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { signal } from '../helpers/node-model/scenario.ts'
import { waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns
const COMMENT = 'NodeLocal DNS Cache'

describe("node-cache's leftovers", { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'iptables-legacy', 'nftables'] as const) {
    for (const how of ['SIGKILL', 'SIGTERM'] as const) {
      test(`${kubeProxy}: removed at start, and ${how} leaves kube-dns answering`, async (t) => {
        const model = await NodeModel.create(t, { kubeProxy })
        const backend = kubeProxy === 'iptables-legacy' ? 'legacy' : 'nft'
        await leaveBehind(model, backend)
        assert.equal(await model.whoAnswers('pod', VIP), null, 'the leftovers do no harm')
        const dnslet = await model.startDnslet()
        assert.deepEqual(await unconditional(model, backend), [])
        assert.equal(await model.whoAnswers('pod', VIP), 'dnslet')
        assert.equal(await model.whoAnswers('pod', VIP, '+tcp'), 'dnslet')
        signal(dnslet.pid, how)
        await waitUntil('dnslet to exit', () => dnslet.ended() !== null, undefined, 30)
        await delay(100)
        for (const place of ['pod', 'node'] as const) {
          for (const transport of ['+notcp', '+tcp']) {
            const who = await model.whoAnswers(place, VIP, transport)
            assert.match(who ?? 'nobody', /^kube-dns-/, `${place} ${transport}`)
          }
        }
      })
    }
  }
})

/**
 * node-cache's rules (spec/node-cache.md §4). Its dummy link cannot be made on every kernel:
 * test/host/interface.test.ts removes a stand-in.
 */
async function leaveBehind(model: NodeModel, backend: string): Promise<void> {
  const skip = `-j NOTRACK -m comment --comment "${COMMENT}: skip conntrack"`
  const allow = `-j ACCEPT -m comment --comment "${COMMENT}: allow DNS traffic"`
  const each = (line: (address: string, protocol: string) => string): string =>
    [LINK_LOCAL, VIP]
      .flatMap((address) => ['tcp', 'udp'].map((protocol) => `${line(address, protocol)}\n`))
      .join('')
  model.load(
    [`iptables-${backend}-restore`, '-n'],
    `*raw
${each((address, protocol) => `-I PREROUTING -p ${protocol} -d ${address} --dport 53 ${skip}`)}\
${each((address, protocol) => `-I OUTPUT -p ${protocol} -s ${address} --sport 53 ${skip}`)}\
${each((address, protocol) => `-I OUTPUT -p ${protocol} -d ${address} --dport 53 ${skip}`)}\
${each((address) => `-I OUTPUT -p tcp -d ${address} --dport 8080 ${skip}`)}\
${each((address) => `-I OUTPUT -p tcp -s ${address} --sport 8080 ${skip}`)}\
COMMIT
*filter
${each((address, protocol) => `-I INPUT -p ${protocol} -d ${address} --dport 53 ${allow}`)}\
${each((address, protocol) => `-I OUTPUT -p ${protocol} -s ${address} --sport 53 ${allow}`)}\
COMMIT
`,
  )
}

/** Rules of node-cache's that lead traffic past kube-proxy whether or not the address is local. */
async function unconditional(model: NodeModel, backend: string): Promise<string[]> {
  const { output } = await model.exec('node', [`iptables-${backend}-save`, '-t', 'raw'])
  return output
    .split('\n')
    .filter((line) => line.includes(COMMENT) && / -d \S+ /.test(line))
    .filter((line) => !line.includes('addrtype'))
}
