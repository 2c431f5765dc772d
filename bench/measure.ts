import { type Children, failure, hasEnded } from './children.ts'
import { countUnexpected, type LoadReport } from './dnsperf-output.ts'
import { type Load, type LoadResult, runDnsperf } from './dnsperf.ts'
import type { RunningServer } from './fleet.ts'
import { concatenated, type LatencyPools } from './latency-pools.ts'
import { latencyFile, type Part } from './names.ts'
import type { Options } from './options.ts'
import { type CpuTime, readCpuTime, readMemory } from './proc.ts'
import type { Sample } from './sample.ts'
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

/** What one server has shown of a scenario so far. */
export interface Trial {
  readonly target: RunningServer
  readonly scenario: Scenario
  /** Of the throughput run. */
  readonly report: LoadReport
  readonly figures: CpuFigures
  /** The turns of the latency run. */
  readonly timed: LoadResult[]
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
   * Brings a fresh server to its usual speed: hits and a few misses at full load, then each scenario at the
   * rate of its latency run. With few queries at a time a JIT compiles other paths than under full load.
   */
  async warmUp({ server: { port } }: RunningServer): Promise<void> {
    const { warmupSeconds: seconds, scenarios } = this.#options
    if (seconds === 0) return
    const hits = { ...plain, port, file: 'hits', seconds }
    await this.#run(hits)
    await this.#run({ ...hits, transport: 'tcp' })
    await this.#run({ ...plain, port, file: 'warmup-misses', once: true })
    for (const scenario of scenarios) await this.#runAtRate(port, scenario, 'warmup', seconds)
  }

  /** The throughput run of a scenario. */
  async begin(target: RunningServer, scenario: Scenario): Promise<Trial> {
    const { port } = target.server
    // Earlier misses may have evicted the hits.
    await this.#run({ ...plain, port, file: 'hits', once: true })
    const before = this.#usage(target, scenario)
    const { report } = await this.#run(this.#throughputLoad(port, scenario))
    if (hasEnded(target.child)) throw failure(target.child)
    return {
      target,
      scenario,
      report,
      figures: cpuFigures(before, this.#usage(target, scenario), report),
      timed: [],
    }
  }

  /** A second of the latency run, which the servers of a round take in turns. */
  async time({ target, scenario, timed }: Trial, turn: number): Promise<void> {
    const result = await this.#runAtRate(target.server.port, scenario, turn, 1)
    if (hasEnded(target.child)) throw failure(target.child)
    if (result !== null) timed.push(result)
  }

  /** What all runs of a trial came to; their latencies go into `pools` too. */
  end(
    { target, scenario, report, figures, timed }: Trial,
    round: number,
    pools: LatencyPools,
  ): Sample {
    const server = target.server.name
    for (const { latencies } of timed) pools.add(scenario.name, server, latencies)
    const reports = [report, ...timed.map((run) => run.report)]
    return {
      round,
      scenario: scenario.name,
      server,
      queriesPerSecond: report.queriesPerSecond,
      ...figures,
      completed: report.completed,
      lost: sum(reports.map(({ lost }) => lost)),
      wrong: sum(reports.map((one) => countUnexpected(one, scenario.expected))),
      latency: timed.length === 0 ? null : latency(concatenated(timed.map((run) => run.latencies))),
      ...readMemory(target.child.pid),
    }
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

/** What everything that runs has used so far; CPU times of the others and of the upstream in nanoseconds. */
interface Usage {
  readonly milliseconds: number
  readonly target: CpuTime
  readonly others: number
  readonly upstream: number
}

type CpuFigures = Pick<
  Sample,
  'cpu' | 'userCpu' | 'systemCpu' | 'upstreamCpu' | 'busy' | 'disturbance'
>

/** Ticks are too coarse to measure by, but sampled over seconds they tell user from system. */
function cpuFigures(before: Usage, after: Usage, report: LoadReport): CpuFigures {
  const nanoseconds = after.target.nanoseconds - before.target.nanoseconds
  const user = after.target.userTicks - before.target.userTicks
  const system = after.target.systemTicks - before.target.systemTicks
  const cpu = nanoseconds / 1000 / report.completed
  const userCpu = (cpu * user) / (user + system)
  return {
    cpu,
    userCpu,
    systemCpu: cpu - userCpu,
    upstreamCpu: (after.upstream - before.upstream) / 1000 / report.completed,
    busy: nanoseconds / (report.seconds * 1e9),
    disturbance:
      (after.others - before.others) / ((after.milliseconds - before.milliseconds) * 1e6),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
