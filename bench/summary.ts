import type { Idle, Results, Sample } from './sample.ts'
import { type Latency, pairedRatios, type Spread, spread } from './stats.ts'

/** One server in one scenario over all rounds. Units are those of `Sample`. */
export interface Summary {
  readonly server: string
  readonly queriesPerSecond: Spread
  readonly cpu: Spread
  readonly userCpu: number
  readonly systemCpu: number
  readonly upstreamCpu: number
  readonly busy: number
  /** Of the queries of all rounds together, with the range of the rounds; NaN where none was measured. */
  readonly latency: Readonly<Record<keyof Latency, Spread>>
  /** Totals. */
  readonly completed: number
  readonly lost: number
  readonly wrong: number
  readonly rss: Spread
  readonly rssAnon: Spread
}

/** A figure of a sample that servers are compared by. */
export type Figure = 'cpu' | 'queriesPerSecond' | 'p999'

const figures: Readonly<Record<Figure, (sample: Sample) => number>> = {
  cpu: (sample) => sample.cpu,
  queriesPerSecond: (sample) => sample.queriesPerSecond,
  p999: (sample) => sample.latency?.p999 ?? NaN,
}

/** Summarises every server in one scenario. */
export function summarise(results: Results, scenario: string): Summary[] {
  return results.servers.map((server) => {
    const samples = samplesOf(results, scenario, server)
    const pooled = pooledLatency(results, scenario, server)
    const of = (read: (sample: Sample) => number): Spread => spread(samples.map(read))
    const total = (read: (sample: Sample) => number): number =>
      samples.reduce((sum, sample) => sum + read(sample), 0)
    return {
      server,
      queriesPerSecond: of((sample) => sample.queriesPerSecond),
      cpu: of((sample) => sample.cpu),
      userCpu: of((sample) => sample.userCpu).figure,
      systemCpu: of((sample) => sample.systemCpu).figure,
      upstreamCpu: of((sample) => sample.upstreamCpu).figure,
      busy: of((sample) => sample.busy).figure,
      latency: {
        p50: { ...of((sample) => sample.latency?.p50 ?? NaN), figure: pooled.p50 },
        p99: { ...of((sample) => sample.latency?.p99 ?? NaN), figure: pooled.p99 },
        p999: { ...of((sample) => sample.latency?.p999 ?? NaN), figure: pooled.p999 },
      },
      completed: total((sample) => sample.completed),
      lost: total((sample) => sample.lost),
      wrong: total((sample) => sample.wrong),
      rss: of((sample) => sample.rss),
      rssAnon: of((sample) => sample.rssAnon),
    }
  })
}

/**
 * A server's figure divided by the reference's: the median of the rounds' quotients and their range. Of
 * latencies the quotient of all rounds together: a round has only some eighty queries beyond p99.9, and
 * a stall of the machine more or less decides.
 */
export function ratio(
  results: Results,
  scenario: string,
  server: string,
  reference: string,
  figure: Figure,
): Spread {
  const [values, references] = [server, reference].map((name) =>
    samplesOf(results, scenario, name).map(figures[figure]),
  )
  const rounds = spread(pairedRatios(values ?? [], references ?? []))
  if (figure !== 'p999') return rounds
  const [own, others] = [server, reference].map((name) => pooledLatency(results, scenario, name))
  return { ...rounds, figure: (own?.p999 ?? NaN) / (others?.p999 ?? NaN) }
}

/** The measured scenarios' names in their order. */
export function measuredScenarios(results: Results): string[] {
  return [...new Set(results.samples.map((sample) => sample.scenario))]
}

/** CPU time of a server that is not asked, in milliseconds a second. */
export function idleCpu(results: Results, server: string): Spread {
  return spread(idlesOf(results, server).map(({ cpu }) => cpu))
}

/** In the order of the rounds. */
export function idlesOf(results: Results, server: string): Idle[] {
  return results.idles.filter((idle) => idle.server === server)
}

function pooledLatency(results: Results, scenario: string, server: string): Latency {
  const found = results.pooled.find((p) => p.scenario === scenario && p.server === server)
  return found?.latency ?? { p50: NaN, p99: NaN, p999: NaN }
}

/** In the order of the rounds. */
function samplesOf(results: Results, scenario: string, server: string): Sample[] {
  return results.samples.filter((s) => s.scenario === scenario && s.server === server)
}
