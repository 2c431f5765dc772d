// kill -9 under load: the interface dies with the process, and kube-proxy's rules lead to kube-dns.
import assert from 'node:assert/strict'
import { type TestContext, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel, type NodeModelOptions, type Place } from '../helpers/node-model/node-model.ts'
import { inFull, isFull, signal } from '../helpers/node-model/scenario.ts'
import type { ProbeKind } from '../helpers/node-probe/options.ts'
import type { ProbeReport } from '../helpers/node-probe/probe-report.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'

const KILLS = inFull(5, 1)
/** Queries a second of each probe. In full mode one probe runs at a time. */
const rateOf = (kind: ProbeKind): number => inFull(kind === 'tcp-fresh' ? 1000 : 5000, 200)
/** From the kill to the first query that kube-dns answers. */
const BOUND_MS = 20

const models: readonly NodeModelOptions[] = [
  { kubeProxy: 'iptables', families: 'ipv4' },
  { kubeProxy: 'nftables', families: 'dual' },
  { kubeProxy: 'iptables-legacy', families: 'ipv4' },
]

interface Asked {
  readonly place: Place
  readonly kind: ProbeKind
}
const kinds = ['udp-fresh', 'udp-shared', 'udp-connected', 'tcp-fresh', 'tcp-long'] as const
const everything = (['pod', 'node'] as const).flatMap((place) =>
  kinds.map((kind): Asked => ({ place, kind })),
)
/** At once, where time is short: more would keep two CPUs from doing what is looked at. */
const few: readonly Asked[] = [
  { place: 'pod', kind: 'udp-fresh' },
  { place: 'pod', kind: 'tcp-fresh' },
  { place: 'node', kind: 'udp-connected' },
  { place: 'node', kind: 'tcp-long' },
]

describe('kill -9 under load', { skip: requireNodeModel() }, () => {
  for (const options of models) {
    test(`${options.kubeProxy}, ${options.families}: kube-dns answers`, async (t) => {
      const model = await NodeModel.create(t, options)
      const rounds = isFull ? everything.map((asked) => [asked]) : [few]
      for (const round of rounds) {
        for (let kill = 0; kill < KILLS; kill++) await killUnder(t, model, round)
      }
    })
  }
})

async function killUnder(t: TestContext, model: NodeModel, round: readonly Asked[]): Promise<void> {
  const dnslet = await model.startDnslet()
  const probes = await Promise.all(
    round.map(({ place, kind }) => startProbe(model, place, { kind, rate: rateOf(kind) })),
  )
  await delay(500)
  const killed = signal(dnslet.pid, 'SIGKILL')
  await delay(1500)
  for (const { probe, report } of await stopProbes(probes)) {
    t.diagnostic(`${probe.title}: ${report.summary(killed)}`)
    check(report, killed, probe.title)
  }
}

function check(report: ProbeReport, killed: number, what: string): void {
  assert.equal(report.failedBetween(-Infinity, killed - 100), 0, `${what}: failed before the kill`)
  assert.ok(report.answeredBy('dnslet') > 0, `${what}: dnslet answered nothing`)
  assert.equal(
    report.answeredBy('kube-dns', -Infinity, killed - 100),
    0,
    `${what}: dnslet was bypassed`,
  )
  const after = report.firstAfter(killed, 'kube-dns')
  assert.ok(after !== null, `${what}: nobody took over`)
  // What was in flight is lost; what is asked half a second later is not.
  assert.equal(report.failedBetween(killed + 500, Infinity), 0, `${what}: failed later`)
  if (isFull) assert.ok(after <= BOUND_MS, `${what}: kube-dns answered after ${after} ms`)
}
