import { setTimeout as sleep } from 'node:timers/promises'

import { type Children, failure, hasEnded } from './children.ts'
import { countUnexpected, type LoadReport } from './dnsperf-output.ts'
import { type Load, type LoadResult, runDnsperf } from './dnsperf.ts'
import type { RunningServer } from './fleet.ts'
import { concatenated, type LatencyPools } from './latency-pools.ts'
import { latencyFile, type Part } from './names.ts'
import type { Options } from './options.ts'
import { type CpuTime, readCpuTime, readMemory, readSleeps } from './proc.ts'
import type { Idle, Sample } from './sample.ts'
import type { Scenario, UpstreamName } from './scenario.ts'
import { latency } from './stats.ts'

const plain = {
  transport: 'udp',
  clients: 8,
  outstanding: 100,
  once: false,
  seconds: null,
  rate: null,
  latencies: false,
} as const

/** Between the last query of a round and the idle servers' figures. */
const SETTLE_MS = 2000

/** What one server has shown of a scenario so far. */
export interface Trial {
  readonly target: RunningServer
  readonly scenario: Scenario
  /** What CPU time is taken of: the throughput run, or each turn of a paced scenario. */
  readonly measured: Measured[]
  /** The turns of the latency run. */
  readonly timed: LoadResult[]
}

/** One run, and what was used meanwhile. */
interface Measured {
  readonly report: LoadReport
  readonly spent: Usage
}

/** Runs loads against the servers of one round. */
export class Meter {
  readonly #children: Children
  readonly #options: Options
  readonly #servers: readonly RunningServer[]
  readonly #upstreams: Readonly<Record<UpstreamName, RunningServer>>

  constructor(
    children: Children,
    options: Options,
    servers: readonly RunningServer[],
    upstreams: Readonly<Record<UpstreamName, RunningServer>>,
  ) {
    this.#children = children
    this.#options = options
    this.#servers = servers
    this.#upstreams = upstreams
  }

  /**
   * Brings a fresh server to its usual speed: hits and a few misses at full load, hits one at a time, then each
   * scenario at the rate of its latency run, the slowest last. With few queries at a time a JIT compiles other
   * paths than under full load, and a thousand a second are too few to have that done.
   */
  async warmUp({ server: { port } }: RunningServer): Promise<void> {
    const { warmupSeconds: seconds, scenarios } = this.#options
    if (seconds === 0) return
    const hits = { ...plain, port, file: 'hits', seconds }
    await this.#run(hits)
    await this.#run({ ...hits, transport: 'tcp' })
    await this.#run({ ...plain, port, file: 'warmup-misses', once: true })
    await this.#run({ ...hits, clients: 1, outstanding: 1 })
    for (const scenario of scenarios.toReversed())
      await this.#runAtRate(port, scenario, 'warmup', seconds)
  }

  /** The throughput run of a scenario, where it has one. */
  async begin(target: RunningServer, scenario: Scenario): Promise<Trial> {
    const { port } = target.server
    // Earlier misses may have evicted the hits.
    await this.#run({ ...plain, port, file: 'hits', once: true })
    const trial: Trial = { target, scenario, measured: [], timed: [] }
    if (!scenario.paced) {
      await this.#measure(trial, () => this.#run(this.#throughputLoad(port, scenario)))
    }
    return trial
  }

  /** A second of the latency run, which the servers of a round take in turns. */
  async time(trial: Trial, turn: number): Promise<void> {
    const { target, scenario, timed } = trial
    const run = (): Promise<LoadResult | null> => {
      return this.#runAtRate(target.server.port, scenario, turn, 1)
    }
    const result = await (scenario.paced ? this.#measure(trial, run) : run())
    if (hasEnded(target.child)) throw failure(target.child)
    if (result !== null) timed.push(result)
  }

  /** What all runs of a trial came to; their latencies go into `pools` too. */
  end({ target, scenario, measured, timed }: Trial, round: number, pools: LatencyPools): Sample {
    const server = target.server.name
    for (const { latencies } of timed) pools.add(scenario.name, server, latencies)
    // The turns of a paced scenario are in both.
    const reports = [...new Set([...measured, ...timed].map(({ report }) => report))]
    return {
      round,
      scenario: scenario.name,
      server,
      ...figures(measured),
      lost: sum(reports.map(({ lost }) => lost)),
      wrong: sum(reports.map((one) => countUnexpected(one, scenario.expected))),
      latency: timed.length === 0 ? null : latency(concatenated(timed.map((run) => run.latencies))),
      ...readMemory(target.child.pid),
    }
  }

  /** Leaves all servers alone, and tells what each of them used meanwhile. */
  async idle(round: number): Promise<Idle[]> {
    // What the last queries left to be done, a garbage collection or an idle connection's end.
    await sleep(SETTLE_MS)
    const before = this.#servers.map(restingUse)
    await sleep(this.#options.idleSeconds * 1000)
    return this.#servers.map((server, i) => {
      if (hasEnded(server.child)) throw failure(server.child)
      const [then, now] = [before[i]!, restingUse(server)]
      const seconds = (now.milliseconds - then.milliseconds) / 1000
      return {
        round,
        server: server.server.name,
        cpu: (now.nanoseconds - then.nanoseconds) / 1e6 / seconds,
        wakeUps: (now.sleeps - then.sleeps) / seconds,
      }
    })
  }

  async #measure<T extends LoadResult | null>(trial: Trial, run: () => Promise<T>): Promise<T> {
    const { target, scenario, measured } = trial
    const before = this.#usage(target, scenario)
    const result = await run()
    if (hasEnded(target.child)) throw failure(target.child)
    const spent = difference(before, this.#usage(target, scenario))
    if (result !== null) measured.push({ report: result.report, spent })
    return result
  }

  #throughputLoad(port: number, scenario: Scenario): Load {
    const { file, transport, clients, outstanding, once } = scenario
    // The fill for 'memory' is over when all its names were asked for, not after a time.
    const seconds = scenario.latency === null ? null : this.#options.seconds
    return { ...plain, port, file, transport, clients, outstanding, once, seconds }
  }

  async #runAtRate(
    port: number,
    scenario: Scenario,
    part: Part,
    seconds: number,
  ): Promise<LoadResult | null> {
    if (scenario.latency === null) return null
    const { rate } = scenario.latency
    const load = { ...this.#throughputLoad(port, scenario), file: latencyFile(scenario, part) }
    return this.#run({ ...load, rate, seconds, latencies: true })
  }

  #run(load: Load): Promise<LoadResult> {
    return runDnsperf(this.#children, this.#options.dir, this.#options.loadCpu, load)
  }

  #usage(target: RunningServer, { upstream }: Scenario): Usage {
    const others = this.#servers.filter((server) => server !== target)
    return {
      milliseconds: performance.now(),
      target: readCpuTime(target.child.pid),
      others: sum(others.map((server) => readCpuTime(server.child.pid).nanoseconds)),
      upstream: readCpuTime(this.#upstreams[upstream].child.pid).nanoseconds,
    }
  }
}

/** What everything that runs has used; CPU times of the others and of the upstream in nanoseconds. */
interface Usage {
  readonly milliseconds: number
  readonly target: CpuTime
  readonly others: number
  readonly upstream: number
}

function difference(before: Usage, after: Usage): Usage {
  return {
    milliseconds: after.milliseconds - before.milliseconds,
    target: {
      nanoseconds: after.target.nanoseconds - before.target.nanoseconds,
      userTicks: after.target.userTicks - before.target.userTicks,
      systemTicks: after.target.systemTicks - before.target.systemTicks,
    },
    others: after.others - before.others,
    upstream: after.upstream - before.upstream,
  }
}

type Figures = Pick<
  Sample,
  | 'queriesPerSecond'
  | 'completed'
  | 'cpu'
  | 'userCpu'
  | 'systemCpu'
  | 'upstreamCpu'
  | 'busy'
  | 'disturbance'
>

/** Ticks are too coarse to measure by, but sampled over seconds they tell user from system. */
function figures(measured: readonly Measured[]): Figures {
  const total = (read: (one: Measured) => number): number => sum(measured.map(read))
  const completed = total(({ report }) => report.completed)
  const seconds = total(({ report }) => report.seconds)
  const nanoseconds = total(({ spent }) => spent.target.nanoseconds)
  const user = total(({ spent }) => spent.target.userTicks)
  const system = total(({ spent }) => spent.target.systemTicks)
  const cpu = nanoseconds / 1000 / completed
  const userCpu = (cpu * user) / (user + system)
  return {
    queriesPerSecond: completed / seconds,
    completed,
    cpu,
    userCpu,
    systemCpu: cpu - userCpu,
    upstreamCpu: total(({ spent }) => spent.upstream) / 1000 / completed,
    busy: nanoseconds / (seconds * 1e9),
    disturbance:
      total(({ spent }) => spent.others) / (total((one) => one.spent.milliseconds) * 1e6),
  }
}

interface RestingUse {
  readonly milliseconds: number
  readonly nanoseconds: number
  readonly sleeps: number
}

function restingUse({ child: { pid } }: RunningServer): RestingUse {
  const { nanoseconds } = readCpuTime(pid)
  return { milliseconds: performance.now(), nanoseconds, sleeps: readSleeps(pid) }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
