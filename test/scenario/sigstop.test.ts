// SIGSTOP: the interface stays and nobody serves it. The lease runs out, kube-dns takes over.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel, type Place } from '../helpers/node-model/node-model.ts'
import { inFull, isFull, signal } from '../helpers/node-model/scenario.ts'
import type { ProbeKind } from '../helpers/node-probe/options.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'

const RATE = inFull(1000, 100)
/** From the stop to the first query that kube-dns answers. */
const BOUND_MS = inFull(4_000, 10_000)
const asked: readonly (readonly [Place, ProbeKind])[] = [
  ['pod', 'udp-fresh'],
  ['pod', 'udp-connected'],
  ['pod', 'tcp-fresh'],
  ['node', 'udp-fresh'],
  ['node', 'udp-connected'],
  ['node', 'tcp-fresh'],
]

describe('SIGSTOP under load', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'nftables'] as const) {
    test(`${kubeProxy}: kube-dns answers while dnslet is frozen, and nothing is lost after`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      const dnslet = await model.startDnslet()
      const probes = await Promise.all(
        asked.map(([place, kind]) => startProbe(model, place, { kind, rate: RATE })),
      )
      await delay(500)
      const stopped = signal(dnslet.pid, 'SIGSTOP')
      await delay(inFull(6_000, 5_000))
      const continued = signal(dnslet.pid, 'SIGCONT')
      await delay(1_500)
      const reports = await stopProbes(probes)
      for (const { probe, report } of reports) {
        t.diagnostic(`${probe.title}: ${report.summary(stopped)}`)
      }
      for (const { probe, report } of reports) {
        const what = probe.title
        assert.equal(report.failedBetween(-Infinity, stopped - 100), 0, `${what}: failed before`)
        const after = report.firstAfter(stopped, 'kube-dns')
        assert.ok(after !== null, `${what}: nobody took over`)
        assert.ok(after <= BOUND_MS, `${what}: kube-dns answered after ${after} ms`)
        // Continued, it serves again, or its alarm goes off: both must leave somebody to answer.
        assert.equal(report.failedBetween(continued + 500, Infinity), 0, `${what}: failed later`)
        if (isFull) {
          const frozen = report.failedBetween(stopped + BOUND_MS, continued)
          assert.equal(frozen, 0, `${what}: failed while kube-dns was to answer`)
        }
      }
    })
  }
})
