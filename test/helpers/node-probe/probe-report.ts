import { DNSLET, Outcome, type OutcomeName, type Samples } from './samples.ts'

/** Who answers: dnslet, or the kube-dns pods. */
export type Side = 'dnslet' | 'kube-dns'

/** What a probe saw. Times are milliseconds of `monotonic()`. */
export class ProbeReport {
  readonly samples: Samples

  constructor(samples: Samples) {
    this.samples = samples
  }

  get total(): number {
    return this.samples.count
  }

  /** Queries without an answer, whatever the reason. */
  get failed(): number {
    return this.total - this.count('Answered')
  }

  /** Queries with this outcome. */
  count(outcome: OutcomeName): number {
    return this.#countWhere((i) => this.samples.outcome[i] === Outcome[outcome])
  }

  /** Answers by one side to queries sent from `from` until before `to`. */
  answeredBy(side: Side, from: number = -Infinity, to: number = Infinity): number {
    return this.#countWhere((i) => {
      return this.#isBy(i, side) && this.#sent(i) >= from && this.#sent(i) < to
    })
  }

  /** Queries without an answer, sent from `from` until before `to`. */
  failedBetween(from: number, to: number): number {
    return this.#countWhere((i) => {
      const isFailed = this.samples.outcome[i] !== Outcome.Answered
      return isFailed && this.#sent(i) >= from && this.#sent(i) < to
    })
  }

  /**
   * How long after `event` the first query was sent that `side` answered, in milliseconds; null
   * where there is none.
   */
  firstAfter(event: number, side: Side): number | null {
    for (let i = 0; i < this.total; i++) {
      if (this.#sent(i) >= event && this.#isBy(i, side)) return this.#sent(i) - event
    }
    return null
  }

  /**
   * Queries without an answer that were sent half a second or more after kube-dns took over. What was
   * in flight then may be lost, what is asked later may not.
   */
  failedAfterTakeover(event: number): number {
    const after = this.firstAfter(event, 'kube-dns')
    return after === null ? 0 : this.failedBetween(event + after + 500, Infinity)
  }

  /** How long after `event` the last query was sent that failed; 0 where none did. */
  lastFailureAfter(event: number): number {
    for (let i = this.total - 1; i >= 0 && this.#sent(i) >= event; i--) {
      if (this.samples.outcome[i] !== Outcome.Answered) return this.#sent(i) - event
    }
    return 0
  }

  /** The longest time between the sending of two answered queries with none between. */
  longestGap(): number {
    let [longest, last] = [0, NaN]
    for (let i = 0; i < this.total; i++) {
      if (this.samples.outcome[i] !== Outcome.Answered) continue
      longest = Math.max(longest, this.#sent(i) - last || 0)
      last = this.#sent(i)
    }
    return longest
  }

  /** The longest an answer took to a query sent from `from` until before `to`, in milliseconds. */
  slowest(from: number = -Infinity, to: number = Infinity): number {
    let slowest = 0
    for (let i = 0; i < this.total; i++) {
      if (this.samples.outcome[i] !== Outcome.Answered) continue
      if (this.#sent(i) < from || this.#sent(i) >= to) continue
      slowest = Math.max(slowest, this.samples.answered[i]! - this.#sent(i))
    }
    return slowest
  }

  /** Ends of long-lived connections of this kind. */
  connections(what: 'reset' | 'closed' | 'refused' | 'unreachable'): number {
    return this.samples.connections.filter((event) => event.what === what).length
  }

  /** One line for people; with an event, what came after it. */
  summary(event?: number): string {
    const names = Object.keys(Outcome) as OutcomeName[]
    const outcomes = names
      .filter((name) => name !== 'Answered' && this.count(name) > 0)
      .map((name) => `${name.toLowerCase()} ${this.count(name)}`)
    const ms = (value: number | null): string =>
      value === null ? 'never' : `${value.toFixed(2)} ms`
    const ends = (['reset', 'closed', 'refused', 'unreachable'] as const)
      .filter((what) => this.connections(what) > 0)
      .map((what) => `connections ${what} ${this.connections(what)}`)
    return [
      `${this.total} queries`,
      `dnslet ${this.answeredBy('dnslet')}, kube-dns ${this.answeredBy('kube-dns')}`,
      ...(outcomes.length === 0 ? ['none failed'] : outcomes),
      ...ends,
      `longest gap ${ms(this.longestGap())}, slowest ${ms(this.slowest())}`,
      ...(event === undefined
        ? []
        : [
            `first by kube-dns +${ms(this.firstAfter(event, 'kube-dns'))}`,
            `last failure +${ms(this.lastFailureAfter(event))}`,
          ]),
    ].join('; ')
  }

  #sent(index: number): number {
    return this.samples.sent[index]!
  }

  #isBy(index: number, side: Side): boolean {
    if (this.samples.outcome[index] !== Outcome.Answered) return false
    return side === 'dnslet' ? this.samples.by[index] === DNSLET : this.samples.by[index]! > DNSLET
  }

  #countWhere(holds: (index: number) => boolean): number {
    let count = 0
    for (let i = 0; i < this.total; i++) if (holds(i)) count++
    return count
  }
}
