import { availableParallelism } from 'node:os'
import { version } from '../lib/version.ts'
import { libc as loadedLibc } from '../sys/libc.ts'
import { typeName } from '../wire/codes.ts'
import { manners } from './clients/index.ts'
import { ClientLoad } from './client-load.ts'
import { Lag } from './lag.ts'
import { type Load, Origin } from './load.ts'
import { queriesFor } from './message.ts'
import { PacketCounts } from './packet-counts.ts'
import { type BenchPlan, type RunPlan, turnsOf } from './plan.ts'
import { RawLoad } from './raw-load.ts'
import { dgramRawPort, libcRawPorts, type OpenRawPort } from './raw-ports.ts'
import { Recorder } from './recorder.ts'
import { type BenchResult, RESULT_VERSION, type Run } from './result.ts'
import { dgramSockets } from './sockets-dgram.ts'
import { libcSockets } from './sockets-libc.ts'
import type { Sockets } from './sockets.ts'

/** Where the bench's sockets come from. */
export interface Network {
  readonly sockets: Sockets
  readonly openRaw: OpenRawPort
  /** Why it is Node's own sockets, '' where it is the C library. */
  readonly reason: string
}

/** What there is to see while it runs. */
export interface Progress {
  readonly elapsedSeconds: number
  readonly totalSeconds: number
  readonly label: string
  /** Of all runs. */
  readonly requests: number
  readonly errors: number
  readonly overLimit: number
}

/** At most so many hosts are named in the result. */
const SHOWN_HOSTS = 100
/** What `raw` waits for an answer, unless the limit is longer. */
const RAW_TIMEOUT_MS = 5_000
const PROGRESS_MS = 500

/** The C library where it can be called, else Node's own sockets; `DNSLET_UDP=dgram` chooses the latter. */
export function openNetwork(env: NodeJS.ProcessEnv = process.env): Network {
  const { libc, reason } =
    env['DNSLET_UDP'] === 'dgram' ? { libc: null, reason: 'DNSLET_UDP=dgram' } : loadedLibc()
  if (libc === null) return { sockets: dgramSockets, openRaw: dgramRawPort, reason }
  return { sockets: libcSockets(libc), openRaw: libcRawPorts(libc), reason: '' }
}

/** A run while it is measured. */
interface Measured {
  readonly plan: RunPlan
  readonly load: Load
  readonly recorder: Recorder
  readonly packets: PacketCounts
  readonly lag: Lag
  seconds: number
}

/**
 * Measures all runs of a plan, in turns. Sends to the servers of the plan alone. Throws SyscallError where
 * the sockets of `raw` cannot be opened.
 *
 * @param stop ends it early: the result has what was measured so far
 * @param progress told twice a second
 */
export async function bench(
  plan: BenchPlan,
  network: Network,
  stop: AbortSignal,
  progress: (now: Progress) => void = () => {},
): Promise<BenchResult> {
  const startedAt = new Date().toISOString()
  const origin = new Origin()
  const runs = plan.runs.map((run) => measured(plan, run, network, origin))
  const turns = turnsOf(plan)
  const elapsed = (): number => origin.at(performance.now())
  let current = runs[0]!
  let abandoned = 0
  const abort = (): void => {
    abandoned += current.load.stop()
  }
  const timer = setInterval(() => progress(progressOf(plan, runs, current, elapsed())), PROGRESS_MS)
  stop.addEventListener('abort', abort)
  try {
    for (let turn = 0; turn < turns; turn++) {
      for (const run of runs) {
        if (stop.aborted) break
        current = run
        await takeTurn(run, (plan.seconds * 1000) / turns)
      }
    }
  } finally {
    clearInterval(timer)
    stop.removeEventListener('abort', abort)
    for (const { load } of runs) load.close()
  }
  return {
    version: RESULT_VERSION,
    startedAt,
    seconds: elapsed(),
    interrupted: stop.aborted,
    options: settingsOf(plan),
    notes: notesOf(plan, network, runs, abandoned),
    runs: runs.map((run) => resultOf(plan, run)),
  }
}

async function takeTurn(run: Measured, ms: number): Promise<void> {
  const start = performance.now()
  run.lag.start()
  await run.load.turn(ms, run.recorder)
  run.lag.stop()
  run.seconds += (performance.now() - start) / 1000
}

function measured(plan: BenchPlan, run: RunPlan, network: Network, origin: Origin): Measured {
  const packets = new PacketCounts()
  const load = loadOf(plan, run, network, packets, origin)
  const recorder = new Recorder(plan.limitMs, plan.seconds * plan.runs.length)
  return { plan: run, load, recorder, packets, lag: new Lag(), seconds: 0 }
}

function loadOf(
  plan: BenchPlan,
  run: RunPlan,
  network: Network,
  packets: PacketCounts,
  origin: Origin,
): Load {
  const manner = manners.find(({ name }) => name === run.client)
  if (manner !== undefined) {
    const { types } = plan
    const client = manner.create({ config: run.config, types, sockets: network.sockets, packets })
    return new ClientLoad(client, plan.hosts, plan, origin)
  }
  return new RawLoad({
    openPort: network.openRaw,
    servers: run.config.servers,
    queries: plan.hosts.flatMap((host) => queriesFor(absolute(host), plan.types) ?? []),
    pace: plan,
    packets,
    origin,
    timeoutMs: Math.max(RAW_TIMEOUT_MS, plan.limitMs),
  })
}

function absolute(host: string): string {
  return host.endsWith('.') ? host : `${host}.`
}

function progressOf(
  plan: BenchPlan,
  runs: readonly Measured[],
  current: Measured,
  elapsedSeconds: number,
): Progress {
  const sum = (of: (recorder: Recorder) => number): number =>
    runs.reduce((total, { recorder }) => total + of(recorder), 0)
  return {
    elapsedSeconds,
    totalSeconds: plan.seconds * runs.length,
    label: current.plan.label,
    requests: sum(({ requests }) => requests),
    errors: sum(({ errorCount }) => errorCount),
    overLimit: sum(({ overLimit }) => overLimit),
  }
}

function settingsOf(plan: BenchPlan): BenchResult['options'] {
  return {
    hosts: plan.hosts.slice(0, SHOWN_HOSTS),
    hostCount: plan.hosts.length,
    concurrency: plan.concurrency,
    seconds: plan.seconds,
    limitMs: plan.limitMs,
    rate: plan.rate,
    types: plan.types.map(typeName),
    dnslet: version(),
    node: process.version,
    cpus: availableParallelism(),
  }
}

function resultOf(plan: BenchPlan, run: Measured): Run {
  const { recorder } = run
  recorder.finish()
  const { client, label, server } = run.plan
  return {
    server,
    client,
    label,
    seconds: run.seconds,
    requests: recorder.requests,
    perSecond: run.seconds > 0 ? recorder.requests / run.seconds : 0,
    errors: { ...recorder.errors },
    errorCount: recorder.errorCount,
    overLimit: recorder.overLimit,
    limitMs: plan.limitMs,
    latency: recorder.latency(),
    histogram: recorder.histogram(),
    timeline: recorder.timeline,
    stepSeconds: recorder.stepSeconds,
    rcodes: { ...recorder.rcodes },
    packets: client === 'system' ? null : run.packets.figures(),
    lag: run.lag.figures(),
  }
}

/** Timers this late, ms, and a quarter of what is measured: the tester measures itself. */
const LATE_MS = 1

function notesOf(
  plan: BenchPlan,
  network: Network,
  runs: readonly Measured[],
  abandoned: number,
): string[] {
  const notes: string[] = [...plan.notes]
  if (network.reason !== '') {
    notes.push(`Sockets are those of Node.js, which are slower (${network.reason}).`)
  }
  if (abandoned > 0) {
    notes.push(`${abandoned} requests were under way when it was ended: they are not counted.`)
  }
  for (const { plan: run, lag, load, recorder } of runs) {
    const { p99 } = lag.figures()
    const p50 = recorder.latency()?.p50 ?? Infinity
    if (p99 >= LATE_MS && p99 * 4 > p50) {
      notes.push(
        `${run.label}: the tester itself was up to ${p99} ms late (99 of 100 times): its latencies are ` +
          'partly its own. A lower -c or a -rate tells more of the server.',
      )
    }
    if (load.unsent > 0) {
      notes.push(
        `${run.label}: ${load.unsent} requests were due and never sent, for ${plan.concurrency} were ` +
          'under way already: raise -c.',
      )
    }
  }
  return notes
}
