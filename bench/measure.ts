import { type Children, failure, hasEnded } from './children.ts'
import { countUnexpected, type LoadReport } from './dnsperf-output.ts'
import { type Load, type LoadResult, runDnsperf } from './dnsperf.ts'
import type { RunningServer } from './fleet.ts'
import type { LatencyPools } from './latency-pools.ts'
import type { Options } from './options.ts'
import { type CpuTime, readCpuTime, readMemory } from './proc.ts'
import type { Sample } from './sample.ts'
import { LATENCY_RATE, type Scenario } from './scenario.ts'
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

/** Runs loads against the servers of one round. */
export class Meter {
  readonly #children: Children
  readonly #options: Options
  readonly #servers: readonly RunningServer[]
  readonly #upstream: RunningServer

  constructor(
    children: Children,
    options: Options,
    servers: readonly RunningServer[],
    upstream: RunningServer,
  ) {
    this.#children = children
    this.#options = options
    this.#servers = servers
    this.#upstream = upstream
  }

  /**
   * Brings a fresh server to its usual speed: hits first, then a few misses. Hits at the rate of the
   * latency runs too: with few queries at a time a JIT compiles other paths than under full load.
   */
  async warmUp({ server: { port } }: RunningServer): Promise<void> {
    const seconds = this.#options.warmupSeconds
    if (seconds === 0) return
    const hits = { ...plain, port, file: 'hits', seconds }
    await this.#run(hits)
    await this.#run({ ...hits, transport: 'tcp' })
    await this.#run({ ...hits, rate: LATENCY_RATE })
    await this.#run({ ...plain, port, file: 'warmup-misses', once: true })
  }

  /** One throughput run, and then one latency run, of a scenario; all its latencies go into `pools`. */
  async measure(
    target: RunningServer,
    scenario: Scenario,
    round: number,
    pools: LatencyPools,
  ): Promise<Sample> {
    const { port } = target.server
    // Earlier misses may have evicted the hits.
    await this.#run({ ...plain, port, file: 'hits', once: true })
    const before = this.#usage(target)
    const throughput = await this.#run(this.#throughputLoad(port, scenario))
    if (hasEnded(target.child)) throw failure(target.child)
    const after = this.#usage(target)
    const timed = await this.#latencyRun(port, scenario)
    if (hasEnded(target.child)) throw failure(target.child)
    if (timed !== null) pools.add(scenario.name, target.server.name, timed.latencies)
    const runs = timed === null ? [throughput] : [throughput, timed]
    return {
      round,
      scenario: scenario.name,
      server: target.server.name,
      queriesPerSecond: throughput.report.queriesPerSecond,
      ...cpuFigures(before, after, throughput.report),
      completed: throughput.report.completed,
      lost: sum(runs.map((run) => run.report.lost)),
      wrong: sum(runs.map((run) => countUnexpected(run.report, scenario.expected))),
      latency: timed === null ? null : latency(timed.latencies),
      ...readMemory(target.child.pid),
    }
  }

  #throughputLoad(port: number, scenario: Scenario): Load {
    const { file, transport, clients, outstanding, once } = scenario
    // The fill for 'memory' is over when all its names were asked for, not after a time.
    const seconds = scenario.latency === null ? null : this.#options.seconds
    return { ...plain, port, file, transport, clients, outstanding, once, seconds }
  }

  async #latencyRun(port: number, scenario: Scenario): Promise<LoadResult | null> {
    if (scenario.latency === null) return null
    const { file, rate } = scenario.latency
    const seconds = this.#options.latencySeconds
    const load = { ...this.#throughputLoad(port, scenario), file, rate, seconds }
    return this.#run({ ...load, latencies: true })
  }

  #run(load: Load): Promise<LoadResult> {
    return runDnsperf(this.#children, this.#options.dir, this.#options.loadCpu, load)
  }

  #usage(target: RunningServer): Usage {
    const others = this.#servers.filter((server) => server !== target)
    return {
      milliseconds: performance.now(),
      target: readCpuTime(target.child.pid),
      others: sum(others.map((server) => readCpuTime(server.child.pid).nanoseconds)),
      upstream: readCpuTime(this.#upstream.child.pid).nanoseconds,
    }
  }
}

/** What everything that runs has used so far; CPU times of the others and of nsd in nanoseconds. */
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
