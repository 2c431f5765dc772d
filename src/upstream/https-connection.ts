import { Timer } from '../lib/timer-wheel.ts'
import type { ChannelOptions } from './channel.ts'
import { Transport } from './counters.ts'
import type { Carrier, Exchange } from './exchange.ts'
import { Http2Connection, type Http2Owner } from './http2.ts'
import { querySize, writeQuery } from './query-writer.ts'
import type { Secure } from './secure.ts'

/** As over TCP: longer than any client waits. */
const DIAL_TIMEOUT_MS = 2000

/** The pool of a connection. Exchanges have no carrier when it hears of them. */
export interface HttpsOwner {
  ready(c: HttpsConnection): void
  replied(x: Exchange, message: Buffer): void
  failed(x: Exchange, code: string | null): void
  ended(c: HttpsConnection, code: string | null): void
}

/** One connection of a pool to an upstream over HTTPS, and the exchanges on it. */
export class HttpsConnection implements Carrier, Http2Owner {
  usedAt: number
  answers = 0
  readonly #pool: HttpsOwner
  readonly #options: ChannelOptions
  readonly #http: Http2Connection
  readonly #dialTimer: Timer
  /** What calls each off. */
  readonly #calls = new Map<Exchange, () => void>()
  #readyAt = 0
  #progressAt = 0

  constructor(pool: HttpsOwner, secure: Secure, options: ChannelOptions) {
    this.#pool = pool
    this.#options = options
    const { context, counters } = options
    this.usedAt = context.clock.now
    counters.open[Transport.Https]!++
    counters.dialled[Transport.Https]!++
    this.#http = new Http2Connection(secure, this)
    // It begins in process.nextTick.
    context.turn.endLater()
    this.#dialTimer = new Timer(() => this.destroy('ETIMEDOUT'))
    context.wheel.set(this.#dialTimer, DIAL_TIMEOUT_MS)
  }

  get hasRoom(): boolean {
    return this.#http.hasRoom
  }

  get isIdle(): boolean {
    return this.#calls.size === 0
  }

  /** Whether it has lived so long that it takes no more queries. */
  isAged(now: number): boolean {
    const { maxAge } = this.#options
    return maxAge > 0 && now - this.#readyAt >= maxAge
  }

  /** Whether the upstream has said nothing for `ms` although it should have. */
  isSilent(now: number, ms: number): boolean {
    return this.#calls.size > 0 && now - this.#progressAt > ms
  }

  /** Sends the query under id 0, so that caches may know it again (RFC 8484 §4.1). Only where there is room. */
  send(x: Exchange): void {
    const { clock, turn } = this.#options.context
    x.id = 0
    x.carrier = this
    x.sentAt = this.usedAt = clock.now
    if (this.isIdle) this.#progressAt = clock.now
    const query = Buffer.allocUnsafe(querySize(x))
    writeQuery(query, 0, x)
    const call = this.#http.ask(query, {
      replied: (message) => {
        this.#take(x)
        this.answers++
        this.#progressAt = this.usedAt
        this.#pool.replied(x, message)
      },
      failed: (code) => {
        this.#take(x)
        this.#pool.failed(x, code)
      },
    })
    this.#calls.set(x, call)
    turn.endLater()
  }

  #take(x: Exchange): void {
    this.usedAt = this.#options.context.clock.refresh()
    this.#calls.delete(x)
    x.carrier = null
  }

  cancel(x: Exchange): void {
    this.#calls.get(x)?.()
    this.#calls.delete(x)
    x.carrier = null
  }

  ready(): void {
    this.#dialTimer.clear()
    this.#readyAt = this.usedAt = this.#options.context.clock.refresh()
    this.#pool.ready(this)
  }

  ended(code: string | null): void {
    this.#dialTimer.clear()
    this.#options.counters.open[Transport.Https]!--
    this.#options.context.clock.refresh()
    this.#pool.ended(this, code)
  }

  /** Ends it once all answers are there. */
  close(): void {
    this.#http.close()
  }

  /** Ends it now; the pool hears of it later. */
  destroy(code: string | null): void {
    this.#http.destroy(code)
  }
}
