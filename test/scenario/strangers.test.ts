// Two dnslet of unrelated purpose on one node, with the same state directory: other addresses, another
// Corefile. They have nothing in common: no socket, no interface, no rules, no last good Corefile.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { addresses, LINK_LOCAL } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { type NodeDnslet, NodeModel } from '../helpers/node-model/node-model.ts'
import { officialCorefile } from '../helpers/node-model/official-corefile.ts'
import { signal } from '../helpers/node-model/scenario.ts'
import { waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns
const OTHER = '169.254.25.10'
const BAD = 'cluster.local:53 {\n    no-such-plugin\n}\n'

describe('two dnslet of different addresses', { skip: requireNodeModel() }, () => {
  test('never meet', async (t) => {
    const model = await NodeModel.create(t)
    const official = officialCorefile(model.families)
    const corefile = official
      .replaceAll(`bind ${LINK_LOCAL} ${VIP}`, `bind ${OTHER}`)
      .replaceAll(LINK_LOCAL, OTHER)
      .replaceAll(':9253', ':9255')
    const otherArgs = ['-localip', OTHER, '-upstreamsvc', 'kube-dns-upstream']
    const first = await model.startDnslet()
    const startOther = (again?: NodeDnslet): Promise<NodeDnslet> =>
      model.startDnslet(otherArgs, {
        corefile,
        server: OTHER,
        ...(again === undefined ? {} : { again }),
      })
    let other = await startOther()
    const both = async (): Promise<void> => {
      for (const place of ['pod', 'node'] as const) {
        for (const server of [LINK_LOCAL, VIP, OTHER]) {
          assert.equal(await model.whoAnswers(place, server), 'dnslet', `${place} asks ${server}`)
        }
      }
    }
    await both()
    assert.match(
      other.output(),
      /Interface nodelocaldns is or was a dnslet.s of other addresses: this one's is nodelocald-[0-9a-f]{4}/,
    )
    assert.doesNotMatch(first.output() + other.output(), /Taking over|hand-over|Added back/)

    // Either dies, and the other one never knows.
    signal(other.pid, 'SIGKILL')
    await model.untilKubeDnsAnswers('pod', OTHER)
    assert.equal(await model.whoAnswers('pod', VIP), 'dnslet')
    other = await startOther(other)
    await both()
    signal(first.pid, 'SIGKILL')
    await model.untilKubeDnsAnswers('pod', VIP)
    assert.equal(await model.whoAnswers('pod', OTHER), 'dnslet')

    // What serves instead of a bad Corefile is one's own last good one.
    const again = await model.startDnslet(undefined, { corefile: BAD, again: first })
    assert.match(again.output(), /no-such-plugin.*the last good one/)
    await both()
    await other.stop()
    await model.untilKubeDnsAnswers('pod', OTHER)
    assert.equal(await model.whoAnswers('pod', VIP), 'dnslet')
    await waitUntil('nothing of it', async () => {
      const { output } = await model.exec('node', ['ip', 'link'])
      return !output.includes('nodelocald-')
    })
    assert.doesNotMatch(again.output() + other.output(), /Added back/)
  })
})
