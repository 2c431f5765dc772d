import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Children, failure, hasEnded } from './children.ts'
import { countUnexpected } from './dnsperf-output.ts'
import { runDnsperf } from './dnsperf.ts'
import { type RunningServer, startServer, upstreams } from './fleet.ts'
import { mixQueries, writeQueries, zoneText } from './names.ts'
import type { Options } from './options.ts'
import { readMemory } from './proc.ts'
import type { Server } from './servers/server.ts'

/** One line of an endurance run; memory in KiB. */
export interface Milestone {
  readonly queries: number
  readonly queriesPerSecond: number
  readonly lost: number
  readonly wrong: number
  readonly rss: number
  readonly rssAnon: number
}

/** Queries between two looks at the memory. */
const STEP = 1_000_000

/** Until then the heap grows to its usual size. */
const SETTLED = 2_000_000

/** Starts one server and asks it `queries` queries of the mix; `take` gets every million's result. */
export async function endure(
  children: Children,
  options: Options,
  server: Server,
  queries: number,
  take: (milestone: Milestone) => void,
): Promise<Milestone[]> {
  const { dir, loadCpu, serverCpu } = options
  writeFileSync(join(dir, 'bench.zone'), zoneText())
  await startServer(children, upstreams(options).nsd, dir, loadCpu)
  const target = await startServer(children, server, dir, serverCpu)
  const milestones: Milestone[] = []
  for (let done = 0; done < queries;) {
    const count = Math.min(STEP, queries - done)
    // A series of its own for each step: a miss must never have been asked for before.
    writeQueries(join(dir, 'endurance'), mixQueries(`e${milestones.length}`, count))
    done += count
    const milestone = await step(children, options, target, done)
    milestones.push(milestone)
    take(milestone)
  }
  return milestones
}

async function step(
  children: Children,
  options: Options,
  target: RunningServer,
  queries: number,
): Promise<Milestone> {
  const { report } = await runDnsperf(children, options.dir, options.loadCpu, {
    file: 'endurance',
    port: target.server.port,
    transport: 'udp',
    clients: 8,
    outstanding: 100,
    once: true,
    seconds: null,
    rate: null,
    latencies: false,
  })
  if (hasEnded(target.child)) throw failure(target.child)
  return {
    queries,
    queriesPerSecond: report.queriesPerSecond,
    lost: report.lost,
    wrong: countUnexpected(report, ['NOERROR']),
    ...readMemory(target.child.pid),
  }
}

/** What the milestones come to, in one sentence. */
export function verdict(milestones: readonly Milestone[]): string {
  const total = (read: (milestone: Milestone) => number): number =>
    milestones.reduce((sum, milestone) => sum + read(milestone), 0)
  const losses = `${total((m) => m.lost)} lost, ${total((m) => m.wrong)} wrong`
  const settled = milestones.filter((m) => m.queries >= SETTLED).map((m) => m.rss / 1024)
  if (settled.length < 2) return `${losses}; too short to judge the memory.`
  const [first, last] = [settled.at(0) ?? NaN, settled.at(-1) ?? NaN]
  const [low, high] = [Math.min(...settled), Math.max(...settled)]
  const range = `RSS between ${low.toFixed(1)} and ${high.toFixed(1)} MiB after 2 million queries`
  const change = (last - first).toFixed(1)
  return `${losses}; ${range}, ${change} MiB from the first to the last of them.`
}
