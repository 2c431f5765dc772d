import type { Traffic } from '../api.ts'

/** Rcodes that a client takes for an answer. */
const ANSWERS: ReadonlySet<string> = new Set(['NOERROR', 'NXDOMAIN'])
/** Milliseconds from which an answer is slow: no server nearby takes so long. */
export const SLOW_MS = 200

/** What happened in some seconds. */
export interface Figures {
  /** When it began, ISO 8601. */
  readonly at: string
  readonly seconds: number
  readonly queries: number
  readonly hits: number
  /** Answers by blocks with `prometheus`: what rcodes are known of. */
  readonly answers: number
  /** Those of neither NOERROR nor NXDOMAIN. */
  readonly failures: number
  readonly rcodes: Readonly<Record<string, number>>
  readonly latency: readonly number[]
}

export function isFailure(rcode: string): boolean {
  return !ANSWERS.has(rcode)
}

/** Whether somebody looks for such a query: it failed or was slow. */
export function isTrouble(rcode: string, milliseconds: number): boolean {
  return isFailure(rcode) || milliseconds >= SLOW_MS
}

/** The steps of the last `seconds`, added up. */
export function lastSeconds(traffic: Traffic, seconds: number): Figures {
  const steps = Math.max(1, Math.round(seconds / traffic.stepSeconds))
  return sum(traffic, Math.max(0, traffic.steps.length - steps), traffic.steps.length)
}

/** All steps in at most `most` columns of equal length, the last one ending now. */
export function columnsOf(traffic: Traffic, most: number): Figures[] {
  const { length } = traffic.steps
  const size = Math.max(1, Math.ceil(length / most))
  const columns: Figures[] = []
  for (let end = length; end > 0; end -= size)
    columns.push(sum(traffic, Math.max(0, end - size), end))
  return columns.reverse()
}

function sum({ steps, stepSeconds, bounds }: Traffic, from: number, to: number): Figures {
  const rcodes: Record<string, number> = {}
  const latency = new Array<number>(bounds.length + 1).fill(0)
  let [queries, hits, answers, failures] = [0, 0, 0, 0]
  for (const step of steps.slice(from, to)) {
    queries += step.queries
    // Questions of the daemon's own hit the cache too.
    hits += Math.min(step.hits, step.queries)
    for (const rcode in step.rcodes) {
      const times = step.rcodes[rcode]!
      rcodes[rcode] = (rcodes[rcode] ?? 0) + times
      answers += times
      if (isFailure(rcode)) failures += times
    }
    for (let i = 0; i < latency.length; i++) latency[i]! += step.latency[i] ?? 0
  }
  const seconds = (to - from) * stepSeconds
  return { at: steps[from]?.at ?? '', seconds, queries, hits, answers, failures, rcodes, latency }
}

/**
 * The bound in seconds under which at least a share `q` of the queries stayed: Infinity where that is
 * none of the bounds, null where there was no query.
 */
export function quantile(
  latency: readonly number[],
  bounds: readonly number[],
  q: number,
): number | null {
  const all = latency.reduce((total, times) => total + times, 0)
  if (all === 0) return null
  let below = 0
  for (const [i, times] of latency.entries()) {
    below += times
    if (below >= q * all) return bounds[i] ?? Infinity
  }
  return Infinity
}

/** How many queries certainly took longer than `seconds`. */
export function slowerThan(
  latency: readonly number[],
  bounds: readonly number[],
  seconds: number,
): number {
  const first = bounds.findIndex((bound) => bound >= seconds)
  return first < 0 ? 0 : latency.slice(first + 1).reduce((total, times) => total + times, 0)
}

/** The share of a part in a whole, 1 at most; null where there is no whole. */
export function share(part: number, whole: number): number | null {
  return whole > 0 ? Math.min(1, part / whole) : null
}
