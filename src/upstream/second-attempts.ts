import type { Connections } from './connections.ts'
import type { Exchange } from './exchange.ts'
import type { RttEstimator } from './rtt.ts'
import { UpstreamConnection } from './upstream-connection.ts'

/** A query that has arrived is asked again after this long, if few are that slow. */
const SLOW_MS = 270
/** Of 100 queries two or three may be asked twice because they are slow. */
const SHARE = 1 / 40
/** Who has waited this long for a place at this upstream may try another one. */
const LONG_WAIT_MS = 500
const MOST = 3
/** A second attempt that was faster shows that some connection is dead: a few more are worth while. */
const REWARD = 4
const MOST_REWARDED = 16
/** An attempt over UDP that no budget allows is asked about again after this long. */
const ASK_AGAIN_MS = 250
/** So many second attempts go to an upstream that is silent, before an answer makes room for another one. */
const MOST_BLIND = 4

/**
 * When a query over TCP that has no answer is late, so that it is asked a second time.
 *
 *     waiting for a place      not within half a second, while any connection is open
 *     not acknowledged         at once: the other end's kernel would have done that, so it is gone
 *     acknowledged             after 270 ms, if the budget allows, for the name may just be slow; else after 2 s
 *
 * The one after 2 s is free, as over UDP: servers forget queries over TCP, too, and CoreDNS asks again then.
 */
export class SecondAttempts {
  readonly #connections: Connections
  readonly #rtt: RttEstimator
  readonly #slow = new HedgeBudget(SHARE)
  /** For those on a connection that may never have been accepted: slow names cannot use it up. */
  readonly #unaccepted = new HedgeBudget(0)

  constructor(connections: Connections, rtt: RttEstimator) {
    this.#connections = connections
    this.#rtt = rtt
  }

  /** A query is asked. */
  asked(): void {
    this.#slow.asked()
  }

  /** Milliseconds to go on waiting for `x`, whose timeout is over; 0: it is late. */
  patience(x: Exchange, now: number): number {
    const c = x.carrier
    if (!(c instanceof UpstreamConnection)) {
      const waits = this.#connections.ready > 0 && now - x.queuedAt < LONG_WAIT_MS
      return waits ? this.#rtt.timeout : 0
    }
    if (c.isUnacknowledged) return 0
    const waited = now - x.sentAt
    if (waited < SLOW_MS) return SLOW_MS - waited
    if (this.#budgetFor(c).take(x.again)) return 0
    if (x.again) return SLOW_MS
    return Math.max(0, Math.min(SLOW_MS, this.#rtt.longest - waited))
  }

  /** A second attempt was faster than the one that waits on `c`. */
  won(c: UpstreamConnection): void {
    this.#budgetFor(c).won()
  }

  #budgetFor(c: UpstreamConnection): HedgeBudget {
    return this.#connections.mayBeUnaccepted(c) ? this.#unaccepted : this.#slow
  }
}

/**
 * How many second attempts an upstream gets whose first may merely be slow. It must not be asked
 * everything twice when it is slow, for then it would get slower; a connection that is dead in silence
 * is found all the same.
 */
export class HedgeBudget {
  readonly #share: number
  readonly #reward: number
  #left = MOST

  /**
   * @param share how much each query adds: of 100 queries, `100 × share` may be asked twice
   * @param reward how much each attempt adds that was answered before an earlier one
   */
  constructor(share: number, reward: number = REWARD) {
    this.#share = share
    this.#reward = reward
  }

  /** A query was asked for the first time. */
  asked(): void {
    if (this.#left < MOST) this.#left += this.#share
  }

  /**
   * Whether there may be another attempt; counted.
   * @param further whether there has been a second: two connections are dead together only where others
   *     are, which rewards tell
   */
  take(further = false): boolean {
    if (this.#left < (further ? MOST + 1 : 1)) return false
    this.#left--
    return true
  }

  /** A second attempt was answered before the first. */
  won(): void {
    this.#left = Math.min(this.#left + this.#reward, MOST_REWARDED)
  }
}

/**
 * When a query over UDP is asked a second time and more. The second attempt comes after one timeout, unless the
 * upstream is silent: where nothing is answered that was sent no earlier than the first, few datagrams are lost, and the
 * upstream stands still. It would find everything twice when it goes on, so a few are asked again at once, the others when
 * it has answered, or after 2 s.
 *
 * A query is asked a third time and more, each time after twice as long: two datagrams in a row
 * get lost where many do. A network that loses nothing is asked for one query of forty, and for one more for
 * each that was lost: where a later attempt is answered and an earlier one not, its datagram was.
 *
 *     second attempt  ── 2 × timeout ──▶ third, by the budget, else 2 s after the second
 *     third           ── 4 × timeout ──▶ fourth, by the budget
 *
 * The one after 2 s is free: a network that was away for a moment is asked once it is back, as by CoreDNS, which
 * asks at 0 and 2 s.
 */
export class FurtherAttempts {
  readonly #rtt: RttEstimator
  readonly #budget = new HedgeBudget(SHARE, 1)
  /** Second attempts that a silent upstream may have. */
  #blind = MOST_BLIND
  /** Clock time at which the youngest query was sent that has an answer, and no error. */
  #provenAt = -Infinity

  constructor(rtt: RttEstimator) {
    this.#rtt = rtt
  }

  /** A query is asked for the first time. */
  asked(): void {
    this.#budget.asked()
  }

  /** Whether an attempt more would tell nothing: few were answered of those that were made blindly. */
  get isSilent(): boolean {
    return this.#blind === 0
  }

  /** What was sent at clock time `sentAt` has an answer that is no error. */
  proven(sentAt: number): void {
    if (sentAt > this.#provenAt) this.#provenAt = sentAt
    if (this.#blind < MOST_BLIND) this.#blind++
  }

  /** An attempt was answered before one that was sent earlier. */
  won(): void {
    this.#budget.won()
  }

  /** Milliseconds to go on waiting for `x`, whose timeout is over; 0: it is late. */
  patience({ further, isLast, sentAt }: Exchange, now: number): number {
    if (sentAt === 0) return 0
    const { longest, timeout } = this.#rtt
    const waited = now - sentAt
    const isUnproven = sentAt > this.#provenAt
    if (further === 0) {
      if (!isLast || !isUnproven || waited >= longest) return 0
      if (this.isSilent) return Math.min(ASK_AGAIN_MS, longest - waited)
      this.#blind--
      return 0
    }
    const rest = Math.min(timeout * 2 ** further, longest) - waited
    if (rest > 0) return rest
    if (!(isUnproven && this.isSilent) && this.#budget.take()) return 0
    if (further > 1) return ASK_AGAIN_MS
    return Math.max(0, Math.min(ASK_AGAIN_MS, longest - waited))
  }
}
