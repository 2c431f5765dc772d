// Each alert in a real Prometheus, which scrapes an exporter that plays its case: it fires, and ends.
// `DNSLET_SCENARIO=full node --test test/monitoring/fired.test.ts`, a minute; a second stands for a minute.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireTools } from '../helpers/debian.ts'
import type { Owner } from '../helpers/processes.ts'
import { type AlertCase, cases, expectedOf, nodeOf, type Play } from './alert-cases.ts'
import { type Firing, startPrometheus, type Target } from './prometheus.ts'
import { alerts } from './promtool.ts'

const RANGE_SECONDS = 10
const PATIENCE_MS = 60_000
const skip =
  process.env['DNSLET_SCENARIO'] === 'full' ? requireTools('prometheus') : 'only in a full run'

test('each alert fires in a real Prometheus, and ends', { skip }, async (t) => {
  const loud = cases.filter(({ fires }) => fires !== null)
  // No target is left where nothing of the job is known: that one has a Prometheus of its own.
  const absent = loud.filter(({ alert }) => alert === 'NodeLocalDNSAbsent')
  const others = loud.filter((one) => !absent.includes(one))
  const exporter = await startExporter(t, loud)
  const [first, second] = await Promise.all([
    startPrometheus(t, others.map(exporter.target), RANGE_SECONDS),
    startPrometheus(t, absent.map(exporter.target), RANGE_SECONDS),
  ])
  const firing = async (): Promise<Firing[]> =>
    (await Promise.all([first.firing(), second.firing()])).flat()
  const fires = async (one: AlertCase): Promise<boolean> =>
    (await firing()).some((alert) => isOf(alert, one))
  const times = new Map(loud.map((one) => [one, { fired: NaN, ended: NaN, summary: '' }]))

  await delay(1000 * (RANGE_SECONDS + 3))
  for (const one of loud) assert.equal(await fires(one), false, `${nodeOf(one)} fires too early`)

  exporter.fail()
  second.setTargets([])
  const failedAt = performance.now()
  await until(failedAt, async () => {
    const now = await firing()
    for (const [one, time] of times) {
      const found = now.find((alert) => isOf(alert, one))
      if (found === undefined || !Number.isNaN(time.fired)) continue
      time.fired = performance.now() - failedAt
      time.summary = found.annotations['summary'] ?? ''
    }
    return [...times.values()].every(({ fired }) => !Number.isNaN(fired))
  })

  exporter.recover()
  second.setTargets(absent.map(exporter.target))
  const recoveredAt = performance.now()
  await until(recoveredAt, async () => {
    const now = await firing()
    for (const [one, time] of times)
      if (Number.isNaN(time.ended) && !now.some((alert) => isOf(alert, one)))
        time.ended = performance.now() - recoveredAt
    return now.length === 0
  })

  const seconds = (ms: number): string => (ms / 1000).toFixed(0)
  const rows = [...times].map(
    ([{ alert, title = '' }, { fired, ended, summary }]) =>
      `| ${alert} ${title} | ${seconds(fired)} s | ${seconds(ended)} s | ${summary} |`,
  )
  console.log(['| alert | fired after | ended after | text |', '|-|-|-|-|', ...rows].join('\n'))
  for (const [one, { fired, ended }] of times)
    assert.ok(fired > 0 && ended >= 0, `${nodeOf(one)}: fired ${fired}, ended ${ended}`)
  assert.deepEqual(
    [...new Set([...times.keys()].map(({ alert }) => alert))].toSorted(),
    alerts.map(({ alert }) => alert).toSorted(),
  )
})

function isOf({ labels }: Firing, one: AlertCase): boolean {
  const wanted = { alertname: one.alert, ...expectedOf(one).labels }
  return Object.entries(wanted).every(([label, value]) => labels[label] === value)
}

async function until(since: number, holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()) && performance.now() - since < PATIENCE_MS) await delay(250)
}

/** Plays each case under a path of its own; a second is a minute of the case. */
async function startExporter(
  owner: Owner,
  some: readonly AlertCase[],
): Promise<{ target: (one: AlertCase) => Target; fail(): void; recover(): void }> {
  const startedAt = performance.now()
  let turns: number[] = []
  const server = createServer((request, response) => {
    const now = performance.now()
    const [failedAt = now, recoveredAt = now] = turns
    const isBad = turns.length === 1
    const one = some.find((each) => `/${nodeOf(each)}` === request.url)!
    const lines = Object.entries(one.series).flatMap(([selector, [good, bad]]) => {
      const current = isBad ? bad : good
      if (current === null) return []
      const seconds = (from: number, to: number): number => (to - from) / 1000
      const well =
        seconds(startedAt, failedAt) + seconds(recoveredAt, turns.length === 2 ? now : recoveredAt)
      const value =
        typeof current === 'number'
          ? current
          : rate(good) * well +
            rate(bad) * seconds(failedAt, turns.length === 0 ? failedAt : recoveredAt)
      return [`${selector} ${value}`]
    })
    const isUp = !lines.includes('up 0')
    response
      .writeHead(isUp ? 200 : 503)
      .end(lines.filter((line) => !line.startsWith('up ')).join('\n') + '\n')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  owner.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    target: (one) => ({ port, node: nodeOf(one), path: `/${nodeOf(one)}` }),
    fail: () => void (turns = [performance.now()]),
    recover: () => void (turns = [...turns, performance.now()]),
  }
}

function rate(play: Play): number {
  return typeof play === 'string' ? Number(play) : 0
}
