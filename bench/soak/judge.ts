import type { Look, ServerResult } from './result.ts'

/**
 * MiB an hour by which the resident memory may rise over the second half. Pages come and go with collections of
 * the heap, by a MiB or two, which over the quarter of an hour of a usual run is less than this; what is lost for
 * good is more: 4 octets a query are 27 MiB an hour at 2,000 queries a second.
 */
export const MOST_MIB_AN_HOUR = 16
/** What a rise comes to in all at least: below it is the breathing of a heap. */
const LEAST_RISE_MIB = 2
/** Descriptors that may come to stay in the second half. */
const MOST_DESCRIPTORS = 16
/** A trend of less is none: caches are still filling. */
const JUDGED_SECONDS = 480
/** Stretches of the second half: of each the least counts, for what a burst of work needed is given back. */
const STRETCHES = 6

/** How something changed over the second half of the run. */
export interface Trend {
  /** By how much an hour. */
  readonly perHour: number
  /** By how much in all. */
  readonly rise: number
}

/** The trend of a figure in the second half; null where the run was too short for one. */
function trendOf(looks: readonly Look[], figure: (look: Look) => number): Trend | null {
  const last = looks.at(-1)?.second ?? 0
  if (last < JUDGED_SECONDS) return null
  const half = looks.filter((look) => look.second >= last / 2 && Number.isFinite(figure(look)))
  const parts = Map.groupBy(half, ({ second }) => {
    return Math.min(STRETCHES - 1, Math.floor((2 * second * STRETCHES) / last) - STRETCHES)
  })
  const least = [...parts].map(([part, some]) => [part, Math.min(...some.map(figure))] as const)
  const rise = medianSlope(least) * STRETCHES
  return { perHour: (rise * 3600) / (last / 2), rise }
}

/** The trend of the resident memory, in MiB. */
export function memoryTrend(looks: readonly Look[]): Trend | null {
  return trendOf(looks, ({ rss }) => rss / 1024)
}

/** What is wrong with a server's run, a line each; none: nothing is. */
export function problemsOf(result: ServerResult): string[] {
  const { client, looks, name, reloads } = result
  const { failed, sent } = client.total
  const problems: string[] = []
  if (failed > 0) {
    const kinds = Object.entries(client.kinds).map(([kind, count]) => `${count} ${kind}`)
    problems.push(`${name}: ${failed} of ${sent} queries failed: ${kinds.join(', ')}`)
  }
  if (sent === 0) problems.push(`${name}: no query was sent`)
  const { panics = null, waiting = null } = client.metrics ?? {}
  if ((panics ?? 0) > 0) problems.push(`${name}: ${panics} panics`)
  if ((waiting ?? 0) > 0) problems.push(`${name}: ${waiting} queries still wait for an upstream`)
  if (reloads !== null && reloads.loaded < reloads.written) {
    problems.push(`${name}: ${reloads.loaded} of ${reloads.written} Corefiles were loaded`)
  }
  const memory = memoryTrend(looks)
  if (memory !== null && memory.perHour > MOST_MIB_AN_HOUR && memory.rise > LEAST_RISE_MIB) {
    const { perHour, rise } = memory
    problems.push(
      `${name}: the memory rises by ${perHour.toFixed(1)} MiB an hour (${rise.toFixed(1)} MiB in the ` +
        `second half), more than ${MOST_MIB_AN_HOUR}`,
    )
  }
  const descriptors = trendOf(looks, (look) => look.descriptors)
  if (descriptors !== null && descriptors.rise > MOST_DESCRIPTORS) {
    problems.push(`${name}: ${descriptors.rise.toFixed(0)} descriptors more in the second half`)
  }
  return problems
}

/**
 * The slope of a line through points, by Theil and Sen: the median of those between each two of them, which a
 * few outliers do not move.
 */
export function medianSlope(points: readonly (readonly [number, number])[]): number {
  const slopes: number[] = []
  points.forEach(([x, y], i) => {
    for (const [otherX, otherY] of points.slice(i + 1)) {
      if (otherX !== x) slopes.push((otherY - y) / (otherX - x))
    }
  })
  slopes.sort((a, b) => a - b)
  const middle = slopes.length >> 1
  if (slopes.length === 0) return 0
  return slopes.length % 2 === 1 ? slopes[middle]! : (slopes[middle - 1]! + slopes[middle]!) / 2
}
