// kill -9 under load: the interface dies with the process, and kube-proxy's rules lead to kube-dns.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel, type NodeModelOptions, type Place } from '../helpers/node-model/node-model.ts'
import { inFull, isFull, signal } from '../helpers/node-model/scenario.ts'
import type { ProbeKind } from '../helpers/node-probe/options.ts'
import type { ProbeReport } from '../helpers/node-probe/probe-report.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'

const KILLS = inFull(5, 1)
/** Queries a second of each probe. In full mode one probe runs at a time. */
const rateOf = (kind: ProbeKind): number => inFull(kind === 'tcp-fresh' ? 1000 : 5000, 200)
/** From the kill to the first query that kube-dns answers: the median of each probe, and the worst of all. */
const MEDIAN_MS = 20
const WORST_MS = 50

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
      const kills: Kill[] = []
      for (const round of rounds) {
        for (let i = 0; i < KILLS; i++) kills.push(...(await killUnder(model, round)))
      }
      for (const [title, same] of Map.groupBy(kills, (kill) => kill.title)) {
        t.diagnostic(`${title}: ${digest(same)}`)
      }
      assert.deepEqual([...kills.flatMap(problems), ...(isFull ? tooLate(kills) : [])], [])
    })
  }
})

/** One kill, seen by one probe. */
interface Kill {
  readonly title: string
  readonly at: number
  readonly report: ProbeReport
}

async function killUnder(model: NodeModel, round: readonly Asked[]): Promise<Kill[]> {
  const dnslet = await model.startDnslet()
  const probes = await Promise.all(
    round.map(({ place, kind }) => startProbe(model, place, { kind, rate: rateOf(kind) })),
  )
  await delay(500)
  const at = signal(dnslet.pid, 'SIGKILL')
  await model.untilKubeDnsAnswers('node', addresses.ipv4.kubeDns)
  await delay(1500)
  const reports = await stopProbes(probes)
  return reports.map(({ probe, report }) => ({ title: probe.title, at, report }))
}

/** From the kill to kube-dns's first answer, in ms: least, median and most. */
function delays(kills: readonly Kill[]): readonly [number, number, number] {
  const after = kills.map(({ at, report }) => report.firstAfter(at, 'kube-dns') ?? Infinity)
  const sorted = after.toSorted((a, b) => a - b)
  return [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!]
}

function tooLate(kills: readonly Kill[]): string[] {
  return [...Map.groupBy(kills, (kill) => kill.title)].flatMap(([title, same]) => {
    const [, median, most] = delays(same)
    const isLate = median > MEDIAN_MS || most > WORST_MS
    return isLate
      ? [`${title}: kube-dns answered after ${median} ms (median), ${most} ms (worst)`]
      : []
  })
}

/** For people: when kube-dns answered, and what was lost; then the last kill's report. */
function digest(kills: readonly Kill[]): string {
  const [least, median, most] = delays(kills).map((ms) => ms.toFixed(2))
  const failed = kills.map(({ report }) => report.failed)
  const mean = failed.reduce((sum, count) => sum + count, 0) / kills.length
  const last = kills.at(-1)!
  return (
    `kube-dns after ${least}/${median}/${most} ms (min/median/max), ` +
    `${mean.toFixed(1)} failed per kill (max ${Math.max(...failed)}); last: ${last.report.summary(last.at)}`
  )
}

function problems({ title, at, report }: Kill): string[] {
  const after = report.firstAfter(at, 'kube-dns')
  const wrong: [boolean, string][] = [
    [report.failedBetween(-Infinity, at - 100) > 0, 'queries failed before the kill'],
    [report.answeredBy('dnslet') === 0, 'dnslet answered nothing'],
    [report.answeredBy('kube-dns', -Infinity, at - 100) > 0, 'dnslet was bypassed'],
    [after === null, 'nobody took over'],
    [report.failedAfterTakeover(at) > 0, 'queries failed later'],
  ]
  return wrong.filter(([isWrong]) => isWrong).map(([, what]) => `${title}: ${what}`)
}
