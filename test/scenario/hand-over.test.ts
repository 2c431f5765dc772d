// One dnslet hands over to the next under load: nothing is lost, nobody else answers, and the cache
// comes along.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { CAPPED_TTL } from '../helpers/node-model/official-corefile.ts'
import { inFull, isFull } from '../helpers/node-model/scenario.ts'
import { monotonic } from '../helpers/node-probe/monotonic.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'
import { waitUntil } from '../helpers/processes.ts'

const UDP_RATE = inFull(20_000, 1_000)
const TCP_RATE = inFull(500, 100)
const TIMES = inFull(20, 1)
const VIP = addresses.ipv4.kubeDns
/** As many as the official Corefile has room for. */
const CACHED = 9_984
const SLOWEST_MS = 20

describe('hand-over under load', { skip: requireNodeModel('dnsperf') }, () => {
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

  test(`a cache of ${CACHED} entries comes along, and no query waits for that`, async (t) => {
    const model = await NodeModel.create(t)
    const old = await model.startDnslet()
    const names = join(model.folder, 'names')
    const line = (_: unknown, i: number): string => `n${i}.who.cluster.local A\n`
    writeFileSync(names, Array.from({ length: CACHED }, line).join(''))
    const fill = ['dnsperf', '-s', VIP, '-d', names, '-n', '1', '-q', '50', '-c', '10']
    assert.equal((await model.exec('pod', fill)).code, 0)
    const probes = [
      await startProbe(model, 'pod', { kind: 'udp-fresh', rate: 400, seconds: 60 }),
      await startProbe(model, 'node', { kind: 'udp-fresh', rate: 100, seconds: 60 }),
    ]
    const begun = monotonic()
    const young = await model.startDnslet(undefined, { ready: false })
    await waitUntil('the old one to leave', () => old.ended() !== null, young, 30)
    await delay(500)
    const reports = await stopProbes(probes)
    const [, took = '0'] = /Took over (\d+) cached answers/.exec(young.output()) ?? []
    assert.ok(Number(took) >= CACHED * 0.95, `${took} came along`)
    for (const { probe, report } of reports) {
      t.diagnostic(`${probe.title}: ${report.summary()}`)
      assert.equal(report.failed, 0)
      assert.equal(report.answeredBy('kube-dns'), 0)
      const slowest = report.slowest(begun)
      if (isFull) assert.ok(slowest <= SLOWEST_MS, `a query waited for ${slowest} ms`)
    }
  })
})
