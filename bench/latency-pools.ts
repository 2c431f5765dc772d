import type { PooledLatency } from './sample.ts'
import { latency } from './stats.ts'

/** Every latency of every server in every scenario, over all rounds. */
export class LatencyPools {
  readonly #pools = new Map<string, { scenario: string; server: string; parts: Float64Array[] }>()

  /** Takes the latencies of one run, in microseconds; nothing where there are none. */
  add(scenario: string, server: string, latencies: Float64Array): void {
    if (latencies.length === 0) return
    const key = `${scenario}/${server}`
    const pool = this.#pools.get(key) ?? { scenario, server, parts: [] }
    this.#pools.set(key, pool)
    pool.parts.push(latencies)
  }

  /** The percentiles of each pool. */
  percentiles(): PooledLatency[] {
    return [...this.#pools.values()].map(({ scenario, server, parts }) => {
      return { scenario, server, latency: latency(concatenated(parts)) }
    })
  }
}

/** All `parts` one after the other, in an array of its own. */
export function concatenated(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
