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

  /** Forgets every label set (used for gauges that describe the running configuration). */
  clear(): void {
    this.#children.clear()
  }
}

/** What there is of something for each server, found without a string look-up. */
export class ByServer<T> {
  readonly #byIndex: (T | undefined)[] = []
  readonly #get: (name: string) => T

  /** @param get gives that of a server, asked once for each */
  constructor(get: (name: string) => T) {
    this.#get = get
  }

  of(server: { readonly name: string; readonly index: number }): T {
    return this.#byIndex[server.index] ?? this.#find(server.name, server.index)
  }

  #find(name: string, index: number): T {
    const found = this.#get(name)
    while (this.#byIndex.length <= index) this.#byIndex.push(undefined)
    this.#byIndex[index] = found
    return found
  }
}

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
