/**
 * Counters that outlive reloads: the hot path increments plain typed arrays, telemetry reads them
 * when it is scraped (prom-client never runs on the path of a query).
 */

/** One group of counters for each distinct list of label values. */
export class LabelledCounters<T> {
  readonly #children = new Map<
    string,
    { readonly labels: readonly string[]; readonly counters: T }
  >()
  readonly #make: () => T

  constructor(make: () => T) {
    this.#make = make
  }

  /** The counters of these label values; the same object for the same values, also after a reload. */
  get(...labels: readonly string[]): T {
    const key = labels.join('\0')
    let child = this.#children.get(key)
    if (child === undefined) {
      child = { labels, counters: this.#make() }
      this.#children.set(key, child)
    }
    return child.counters
  }

  /** All label sets seen so far, in order of first use. */
  *entries(): Generator<readonly [labels: readonly string[], counters: T]> {
    for (const child of this.#children.values()) yield [child.labels, child.counters]
  }
}

/** The counters of servers, found by a server's index: no string is looked up while it answers. */
export class ByServer<T> {
  readonly #counters: LabelledCounters<T>
  readonly #others: readonly string[]
  readonly #byIndex: (T | undefined)[] = []

  /**
   * @param counters with the server's name as first label
   * @param others values of the labels behind it
   */
  constructor(counters: LabelledCounters<T>, ...others: readonly string[]) {
    this.#counters = counters
    this.#others = others
  }

  of(server: { readonly name: string; readonly index: number }): T {
    return this.#byIndex[server.index] ?? this.#find(server)
  }

  #find({ name, index }: { readonly name: string; readonly index: number }): T {
    const found = this.#counters.get(name, ...this.#others)
    while (this.#byIndex.length <= index) this.#byIndex.push(undefined)
    this.#byIndex[index] = found
    return found
  }
}

/** CoreDNS's buckets for durations: 0.25 ms and fifteen doublings, in seconds. */
export const TIME_BUCKETS: readonly number[] = Array.from(
  { length: 16 },
  (_, i) => 0.00025 * 2 ** i,
)

/** A cumulative histogram in one typed array: a count per bucket (the last is +Inf) and a sum. */
export class Histogram {
  readonly bounds: Float64Array
  readonly counts: Float64Array
  sum = 0

  /** @param bounds upper bounds in ascending order, +Inf excluded */
  constructor(bounds: readonly number[]) {
    this.bounds = Float64Array.from(bounds)
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** Counts `times` observations of the same value. */
  observe(value: number, times = 1): void {
    const { bounds } = this
    let i = 0
    while (i < bounds.length && value > bounds[i]!) i++
    this.counts[i]! += times
    this.sum += value * times
  }
}
