// One dnslet hands over to the next under load: nothing is lost, nobody else answers, and the cache
// comes along.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { CAPPED_TTL } from '../helpers/node-model/official-corefile.ts'
import { inFull } from '../helpers/node-model/scenario.ts'
import { monotonic } from '../helpers/node-probe/monotonic.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'
import { waitUntil } from '../helpers/processes.ts'

const UDP_RATE = inFull(20_000, 1_000)
const TCP_RATE = inFull(500, 100)
const TIMES = inFull(20, 1)
const VIP = addresses.ipv4.kubeDns

describe('hand-over under load', { skip: requireNodeModel() }, () => {
  for (const place of ['pod', 'node'] as const) {
    test(`${TIMES} times, from the ${place}: nothing is lost, first answers are hits`, async (t) => {
      const model = await NodeModel.create(t)
      let dnslet = await model.startDnslet()
      const limits = { seconds: inFull(300, 60) }
      const probes = [
        await startProbe(model, place, { kind: 'udp-shared', rate: UDP_RATE, ...limits }),
        await startProbe(model, place, { kind: 'udp-fresh', rate: UDP_RATE / 20, ...limits }),
        await startProbe(model, place, { kind: 'tcp-fresh', rate: TCP_RATE, ...limits }),
        await startProbe(model, place, { kind: 'tcp-long', rate: TCP_RATE, ...limits }),
      ]
      let misses = 0
      for (let round = 0; round < TIMES; round++) {
        const names = Array.from({ length: 16 }, (_, i) => `n${round}-${i}.who`)
        await model.askWho('pod', VIP, names)
        const asked = monotonic()
        const old = dnslet
        dnslet = await model.startDnslet(undefined, { ready: false })
        await waitUntil('the old one to leave', () => old.ended() !== null, dnslet, 30)
        assert.equal(old.ended(), 0, old.output())
        // By then what the old one knew has aged, and what the new one had to ask for has not.
        await delay(Math.max(0, asked + 1_500 - monotonic()))
        const answers = await model.askWho('pod', VIP, names)
        assert.equal(answers.length, names.length)
        misses += answers.filter(({ ttl }) => ttl >= CAPPED_TTL).length
      }
      await delay(500)
      const reports = await stopProbes(probes)
      for (const { probe, report } of reports) t.diagnostic(`${probe.title}: ${report.summary()}`)
      assert.equal(misses, 0, 'the new one had to ask')
      for (const { probe, report } of reports) {
        assert.equal(report.answeredBy('kube-dns'), 0, `${probe.kind}: dnslet was bypassed`)
        // Resets of established connections are counted above.
        if (probe.kind !== 'tcp-long') assert.equal(report.failed, 0, `${probe.kind}: lost`)
      }
    })
  }
})
