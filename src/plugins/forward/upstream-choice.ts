import type { Transport } from '../../upstream/counters.ts'
import type { Exchange } from '../../upstream/exchange.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import { forwardCounters } from './counters.ts'
import type { Policy } from './policy.ts'

/** No retry spins: nobody is asked more often for one query, but where datagrams get lost. */
export const ATTEMPTS_PER_UPSTREAM = 2
/**
 * So many more there may be for one query over UDP, by the budget of each upstream. Where one datagram of
 * twenty gets lost each way, one query of a million has no answer after six attempts.
 */
export const MOST_FURTHER = 4

/** Which upstream the next attempt of one query goes to. */
export class UpstreamChoice {
  readonly #policy: Policy
  readonly #failfast: boolean
  #upstreams: readonly Upstream[] = []
  #transport: Transport = 0
  // No typed arrays: each takes 200 bytes of the heap, and in an outage thousands wait.
  readonly #order = [0, 0, 0, 0]
  readonly #tries = [0, 0, 0, 0]
  /** Whether the upstream that was chosen is down, as all are, but is asked at once: its port is not closed. */
  isLastResort = false
  /** Where in the order the next attempt begins to look. */
  #at = 0

  constructor(policy: Policy, failfast: boolean) {
    this.#policy = policy
    this.#failfast = failfast
  }

  /** Forgets the previous query. */
  begin(upstreams: readonly Upstream[], transport: Transport): void {
    const count = upstreams.length
    this.#upstreams = upstreams
    this.#transport = transport
    this.#at = 0
    this.isLastResort = false
    for (let i = 0; i < count; i++) this.#tries[i] = 0
    if (count > 0) this.#policy(this.#order, count)
  }

  /**
   * The upstream for another attempt, or −1: the next in the policy's order that is up, those that
   * can be asked at once before those that must be dialled again first. `earlier` is the attempt
   * that is late or has failed; where it is still waiting for a connection, its upstream is left out.
   *
   * @param most attempts that one upstream may have
   */
  next(earlier: Exchange | null, most: number): number {
    const count = this.#upstreams.length
    let second = -1
    for (let step = 0; step < count; step++) {
      const place = (this.#at + step) % count
      const index = this.#order[place]!
      const upstream = this.#upstreams[index]!
      if (this.#tries[index]! >= most) continue
      if (upstream.isDown(this.#transport) || waits(earlier, index)) continue
      if (upstream.isReady(this.#transport)) return this.#take(place)
      if (second < 0) second = place
    }
    return second < 0 ? this.#oneThatIsDown() : this.#take(second)
  }

  /** The next upstream in order that has not been asked and is up, or −1. */
  untried(): number {
    const count = this.#upstreams.length
    for (let place = 0; place < count; place++) {
      const index = this.#order[place]!
      if (this.#tries[index] !== 0 || this.#upstreams[index]!.isDown(this.#transport)) continue
      return this.#take(place)
    }
    return -1
  }

  /** Forgets an attempt at upstream `index` that did not reach it. */
  giveBack(index: number): void {
    this.#tries[index]!--
  }

  /** Where all are down, health checks may be wrong: one at random gets a single try. */
  #oneThatIsDown(): number {
    const count = this.#upstreams.length
    // None at all: names are resolved a moment after the sockets open.
    if (count === 0 || this.#upstreams.some((upstream) => !upstream.isDown(this.#transport)))
      return -1
    if (this.#tries.some((tries, i) => i < count && tries > 0)) return -1
    forwardCounters.allDown++
    if (this.#failfast) return -1
    const index = this.#take(Math.floor(Math.random() * count))
    this.isLastResort = this.#upstreams[index]!.isReady(this.#transport)
    return index
  }

  #take(place: number): number {
    const index = this.#order[place]!
    this.#tries[index]!++
    this.#at = (place + 1) % this.#upstreams.length
    return index
  }
}

/** Whether asking `index` again would only add to the queue that `earlier` stands in. */
function waits(earlier: Exchange | null, index: number): boolean {
  return (
    earlier !== null && earlier.index === index && earlier.carrier !== null && earlier.sentAt === 0
  )
}
