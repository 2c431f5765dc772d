import { Place } from '../lib/places.ts'
import type { Query } from '../serve/query.ts'
import type { ClientStream, StreamOwner } from './client-stream.ts'
import { TcpEnd } from './counters.ts'
import { FrameQueue, TOO_LONG } from './frame-queue.ts'
import { ReplyStream } from './reply-stream.ts'
import { StreamTarget } from './stream-target.ts'
import {
  MAX_IN_FLIGHT,
  MAX_QUERY,
  MAX_UNSENT,
  MAX_UNSENT_HARD,
  RETIRED_IDLE_MS,
  RETIRED_MS,
  TURN,
} from './tcp-limits.ts'
import type { ClientConnection, TcpShared } from './tcp-shared.ts'

const State = {
  /** Accepted, no whole message yet. */
  New: 0,
  /** Has sent a message. */
  Open: 1,
  /** Reads no further: the client or the listener is done, answers still go out. */
  Ending: 2,
  /** All answers are out, our side of the stream is closed. */
  Ended: 3,
  Closed: 4,
} as const
type State = (typeof State)[keyof typeof State]

/**
 * A client's TCP connection (RFC 7766). Queries are served as they come, and answered in any order.
 *
 *     New ──first message──▶ Open ──FIN, or the listener closes──▶ Ending ──last answer out──▶ Ended
 *       └────────────────────┴─────── timeout, reset, overflow ──────┴──────────┴──▶ Closed
 *
 * It is read from while it has fewer than 128 queries in flight and 1 MiB of answers to read, or less.
 */
export class TcpConnection extends StreamTarget implements ClientConnection, StreamOwner {
  readonly place: Place = new Place(this)
  rosterAt = -1
  /** Octets of `waiting` that are this connection's. */
  held = 0
  readonly #shared: TcpShared<TcpConnection>
  readonly #frames = new FrameQueue(MAX_QUERY)
  readonly #replies: ReplyStream
  #state: State = State.New
  #inFlight = 0
  #queries = 0
  /** When a whole message arrived, or an answer left, last; the time of accept before that. */
  #activeAt = 0
  /** When the connection ends even if it is busy. */
  #retiresAt = Infinity
  /** True while messages are served: answers made meanwhile leave together. */
  #serving = false
  /** Whether it ends with its first message. */
  #isLast = false
  #resuming = false
  #reason: TcpEnd = TcpEnd.Client

  constructor(stream: ClientStream, shared: TcpShared<TcpConnection>) {
    super(stream)
    this.#shared = shared
    this.#replies = new ReplyStream(stream, shared.unsent)
    stream.start(this)
    this.begin()
  }

  /** Begins anew where `isDone`: its stream has become another client's. */
  begin(): void {
    this.#state = State.New
    this.#queries = 0
    this.#activeAt = this.#shared.clock.refresh()
    this.#retiresAt = Infinity
    this.#serving = this.#isLast = false
    this.#reason = TcpEnd.Client
  }

  /** Whether it is closed and nothing will ever be heard of it again. */
  get isDone(): boolean {
    return this.#state === State.Closed && this.#inFlight === 0 && !this.#resuming
  }

  ended(): void {
    this.end(TcpEnd.Client)
  }

  failed(): void {
    this.#reason ||= TcpEnd.Error
  }

  closed(): void {
    this.#state = State.Closed
    this.#forget()
    this.#shared.closed(this, this.#reason)
  }

  /** Serves what has been read, sends all answers and closes; for good after `destroy()`. */
  end(reason: TcpEnd): void {
    if (this.#state >= State.Ending) return
    this.#state = State.Ending
    this.#reason = reason
    this.#serve()
  }

  /** The listener closes: as `end()`, but a client that has only just connected is still answered once. */
  drain(): void {
    if (this.#state === State.New) this.#isLast = true
    else this.end(TcpEnd.Shutdown)
  }

  /** Serves on until the client has no query under way for a second, ten seconds at most. */
  endWhenIdle(now: number): void {
    this.#retiresAt = now + RETIRED_MS
  }

  /** Cuts the connection. */
  destroy(reason: TcpEnd): void {
    if (this.#state === State.Closed) return
    // Ended, it had all its answers: that is what counts.
    if (this.#state < State.Ended) this.#reason = reason
    this.#state = State.Closed
    this.#forget()
    this.stream.destroy()
  }

  giveWay(): void {
    if (this.#shared.unsent.isFarExceeded) this.destroy(TcpEnd.Overflow)
    else this.destroy(this.#shared.waiting.wouldExceed(0) ? TcpEnd.Buffered : TcpEnd.Full)
  }

  get unsent(): number {
    return this.#replies.unsent
  }

  get activeAt(): number {
    return this.#activeAt
  }

  get busy(): boolean {
    return this.#inFlight > 0 || this.#replies.unsent > 0
  }

  /** At once: who comes next is to find the room. */
  #forget(): void {
    this.#frames.clear()
    this.#replies.clear()
    this.#account()
  }

  /** Counts what is read and not served. */
  #account(): void {
    const { waiting } = this.#shared
    const more = this.#frames.held - this.held
    if (more === 0) return
    this.held += more
    waiting.take(more)
    if (more > 0 && waiting.wouldExceed(0)) this.#shared.overfull()
  }

  /** Ends the connection where one of its times is up. */
  sweep(now: number): void {
    const { readMs, writeMs, idleMs } = this.#shared.limits
    const idle = now - this.#activeAt
    if (this.#replies.stalledSince(now) >= writeMs) this.destroy(TcpEnd.WriteTimeout)
    else if (now >= this.#retiresAt && this.#state < State.Ending) this.end(TcpEnd.Shutdown)
    else if (this.busy) return
    else if (this.#state === State.New) {
      if (idle >= readMs) this.destroy(TcpEnd.FirstMessageTimeout)
    } else if (idle >= idleMs) this.destroy(TcpEnd.IdleTimeout)
    // By FIN: a client that asks just then reads the end of the stream, not a reset.
    else if (this.#retiresAt < Infinity && idle >= RETIRED_IDLE_MS) this.end(TcpEnd.Shutdown)
  }

  received(chunk: Buffer, length: number): void {
    // What comes after our own FIN is read only to see the client's.
    if (this.#state >= State.Ending) return
    this.#shared.clock.refresh()
    this.#frames.push(chunk, length)
    this.#serve()
    if (this.#isLast && this.#state !== State.New) this.end(TcpEnd.Shutdown)
  }

  /** Serves the messages read so far, as many as the bounds allow; later come the others. */
  #serve(): void {
    if (this.#state >= State.Ended) return
    const { message, query, clock, dispatcher, limits } = this.#shared
    let turn = TURN
    let waiting = false
    this.#serving = true
    while (!this.#full() && this.#state < State.Ended) {
      if (turn-- === 0) {
        this.#resumeLater()
        waiting = true
        break
      }
      const length = this.#frames.next(message)
      if (length === TOO_LONG) return this.#cutTooLong()
      if (length < 0) break
      if (this.#state === State.New) this.#state = State.Open
      this.#activeAt = clock.now
      this.#inFlight++
      if (++this.#queries >= limits.maxQueries) this.#takeNoMore()
      query.target = this
      query.client = this.stream.sockaddr
      query.reset(message, length, clock.now)
      dispatcher.dispatch(query)
    }
    // What it may not take yet is served when some of that is gone.
    const stopped = waiting || this.#full()
    this.#serving = false
    this.#frames.keep()
    this.#account()
    if (this.#state >= State.Ended) return
    this.#replies.flush(clock.now)
    this.#shared.touched(this)
    if (!stopped) return this.#proceed()
    this.stream.pause()
    if (!this.#full()) this.#resumeLater()
  }

  /** What stands behind the last query that it may ask is nobody's. */
  #takeNoMore(): void {
    this.#frames.clear()
    if (this.#state === State.Open) this.#reason = TcpEnd.QueryLimit
    this.#state = State.Ending
  }

  #cutTooLong(): void {
    this.#serving = false
    this.#replies.flush(this.#shared.clock.now)
    this.destroy(TcpEnd.TooLong)
  }

  /** Reads on, or ends where there is nothing left to do. */
  #proceed(): void {
    if (this.#state < State.Ending) {
      if (!this.#full()) this.stream.resume()
    } else if (this.#state === State.Ending && this.#inFlight === 0 && this.#replies.unsent === 0) {
      this.#state = State.Ended
      this.stream.end()
    }
  }

  #full(): boolean {
    const { unsent } = this.#replies
    if (this.#inFlight >= MAX_IN_FLIGHT || unsent > MAX_UNSENT) return true
    // Where all connections together hold too much, each takes queries only with nothing unsent.
    return unsent > 0 && this.#shared.unsent.wouldExceed(0)
  }

  /** Serves on, and sends what is answered, after other sockets had their turn. */
  #resumeLater(): void {
    if (!this.#resuming) setImmediate(this.#resume)
    this.#resuming = true
  }

  readonly #resume = (): void => {
    this.#resuming = false
    this.#shared.clock.refresh()
    this.#serve()
  }

  reserve(_q: Query): Buffer {
    return this.#shared.reply
  }

  send(_q: Query, length: number): void {
    const { clock, reply } = this.#shared
    this.#activeAt = clock.now
    if (this.#state < State.Ended) {
      this.#replies.add(reply, length)
      if (this.#replies.unsent > MAX_UNSENT_HARD) this.destroy(TcpEnd.Overflow)
      else if (this.#shared.unsent.isFarExceeded) this.#shared.unread()
    }
    this.#finished()
  }

  drop(): void {
    this.#finished()
  }

  /** One query less in flight. Late answers leave together, when all packets of the tick are read. */
  #finished(): void {
    this.#inFlight--
    if (!this.#serving && this.#state < State.Ended) this.#resumeLater()
  }

  wrote(octets: number): void {
    this.#activeAt = this.#shared.clock.refresh()
    this.#replies.wrote(octets, this.#activeAt)
    if (this.#state >= State.Ended) return
    // Messages may wait: for the end of this write, or for the turn of others.
    if (!this.#frames.empty) return this.#resumeLater()
    this.#replies.flush(this.#activeAt)
    this.#shared.touched(this)
    this.#proceed()
  }
}
