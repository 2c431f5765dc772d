import type { Endpoint } from '../lib/address.ts'
import type { Backoff } from './backoff.ts'
import type { UpstreamContext } from './context.ts'
import type { UpstreamCounters } from './counters.ts'
import type { Exchange } from './exchange.ts'
import type { RttEstimator } from './rtt.ts'
import type { Secure } from './secure.ts'

/** The sockets to one upstream over one transport. */
export interface Channel {
  readonly rtt: RttEstimator
  readonly backoff: Backoff
  /** Sends the query of `x` now, or as soon as a socket is ready for it. */
  ask(x: Exchange): void
  /** False while a query would have to wait because the last attempt to connect failed. */
  isReady(now: number): boolean
  /**
   * The timeout of `x` is over: milliseconds to go on waiting before that counts as late, or 0. Waiting
   * behind others is not the fault of this query.
   */
  patience(x: Exchange): number
  /** Whether nothing is answered at all, so that silence to one query says nothing about it; absent where not known. */
  readonly isSilent?: boolean
  /** A later attempt of its query was answered while `x` is still waiting here. */
  beaten(x: Exchange): void
  /** Closes the sockets nobody waits on, and the others when their last answer has come. */
  close(): void
}

/** Who opened a connection or socket `C`. Answers themselves go to the exchange's host. */
export interface ConnectionOwner<C> {
  /** It may be given queries: it is connected (TCP), or nobody waits on it any more (UDP). */
  ready(c: C): void
  /** `count` answers have come, `elapsed` ms after those before them, or after they were asked for. */
  answered(c: C, count: number, elapsed: number): void
  /** It is over, or never came to be; `c.takeAll()` gives those who still wait on it. */
  closed(c: C, code: string | null): void
}

export interface ChannelOptions {
  readonly endpoint: Endpoint
  /** Local address to ask from, or null for the system's choice. */
  readonly source: string | null
  /** Milliseconds an idle socket is kept. */
  readonly expire: number
  /** Told where a client's late names begin to hold so many connections that others go before it. */
  readonly crowded?: () => void
  /** The upstream's, `ip:port`. */
  readonly name: string
  /** Idle sockets kept; 0 for no limit but the pool's. */
  readonly maxIdle: number
  /** Milliseconds: no timeout is longer. */
  readonly readTimeout: number
  /** Milliseconds after which a connection takes no more queries; 0: it may live as long as it is used. */
  readonly maxAge: number
  /** Over what streams go; null: TCP as it is. */
  readonly secure: Secure | null
  readonly context: UpstreamContext
  readonly counters: UpstreamCounters
}

/** In which the right answer comes behind what is none, if ever: as where one of them is forged. */
const SPOILT_MS = 10

/**
 * Counts `message[0..length)`, borrowed, which answers no question of ours, and tells of it.
 * @param x whose answer it came in place of, which fails unless that comes at once; null where nobody can tell
 */
export function noteStrange(
  { context, counters, name }: ChannelOptions,
  message: Buffer,
  length: number,
  x: Exchange | null,
): void {
  counters.mismatches++
  context.strange(name, message, length)
  if (x === null) return
  x.isSpoilt = true
  context.wheel.set(x.timer, SPOILT_MS)
}
