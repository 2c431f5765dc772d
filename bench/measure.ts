import { type Children, failure, hasEnded } from './children.ts'
import { countUnexpected } from './dnsperf-output.ts'
import { type Load, type LoadResult, runDnsperf } from './dnsperf.ts'
import type { RunningServer } from './fleet.ts'
import type { Options } from './options.ts'
import { type CpuTime, readCpuTime, readMemory } from './proc.ts'
import type { Sample } from './sample.ts'
import type { Scenario } from './scenario.ts'
import { latency } from './stats.ts'

/** How long hits are asked for before a round: enough for a compiler to have optimised the path. */
const WARMUP_SECONDS = 1

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

  constructor(children: Children, options: Options, servers: readonly RunningServer[]) {
    this.#children = children
    this.#options = options
    this.#servers = servers
  }

  /** Brings a fresh server to its usual speed: hits first, then a few misses. */
  async warmUp({ server: { port } }: RunningServer): Promise<void> {
    const hits = { ...plain, port, file: 'hits', seconds: WARMUP_SECONDS }
    await this.#run(hits)
    await this.#run({ ...hits, transport: 'tcp' })
    await this.#run({ ...plain, port, file: 'warmup-misses', once: true })
  }

  /** One throughput run, and then one latency run, of a scenario. */
  async measure(target: RunningServer, scenario: Scenario, round: number): Promise<Sample> {
    const { port } = target.server
    // Earlier misses may have evicted the hits.
    await this.#run({ ...plain, port, file: 'hits', once: true })
    const others = this.#servers.filter((server) => server !== target)
    const [before, othersBefore] = [readCpuTime(target.child.pid), this.#cpuOf(others)]
    const started = performance.now()
    const throughput = await this.#run(this.#throughputLoad(port, scenario))
    const nanoseconds = (performance.now() - started) * 1e6
    if (hasEnded(target.child)) throw failure(target.child)
    const [after, othersAfter] = [readCpuTime(target.child.pid), this.#cpuOf(others)]
    const { report } = throughput
    const timed = await this.#latencyRun(port, scenario)
    if (hasEnded(target.child)) throw failure(target.child)
    const memory = readMemory(target.child.pid)
    const runs = timed === null ? [throughput] : [throughput, timed]
    return {
      round,
      scenario: scenario.name,
      server: target.server.name,
      queriesPerSecond: report.queriesPerSecond,
      ...cpuPerQuery(before, after, report.completed),
      busy: (after.nanoseconds - before.nanoseconds) / (report.seconds * 1e9),
      disturbance: (othersAfter - othersBefore) / nanoseconds,
      completed: report.completed,
      lost: sum(runs.map((run) => run.report.lost)),
      wrong: sum(runs.map((run) => countUnexpected(run.report, scenario.expected))),
      latency: timed === null ? null : latency(timed.latencies),
      ...memory,
    }
  }

  #throughputLoad(port: number, scenario: Scenario): Load {
    const { file, transport, clients, outstanding, once } = scenario
    // The miss storm is over when all its names were asked for, not after a time.
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

  #cpuOf(servers: readonly RunningServer[]): number {
    return sum(servers.map((server) => readCpuTime(server.child.pid).nanoseconds))
  }
}

/** Ticks are too coarse to measure by, but sampled over seconds they tell user from system. */
function cpuPerQuery(
  before: CpuTime,
  after: CpuTime,
  queries: number,
): { cpu: number; userCpu: number; systemCpu: number } {
  const cpu = (after.nanoseconds - before.nanoseconds) / 1000 / queries
  const user = after.userTicks - before.userTicks
  const system = after.systemTicks - before.systemTicks
  const userCpu = (cpu * user) / (user + system)
  return { cpu, userCpu, systemCpu: cpu - userCpu }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
