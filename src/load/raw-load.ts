import type { Endpoint } from '../lib/address.ts'
import { type Load, type Origin, OWN_DELAY_MS, type Pace } from './load.ts'
import type { Asked } from './message.ts'
import type { PacketCounts } from './packet-counts.ts'
import { BATCH, type OpenRawPort } from './raw-ports.ts'
import type { Outcome } from './client.ts'
import { RawSocket } from './raw-socket.ts'
import type { Recorder } from './recorder.ts'

/** Sockets of a run: a server that spreads its work by the client's port has something to spread. */
const SOCKETS = 8

export interface RawLoadParts {
  readonly openPort: OpenRawPort
  /** Each gets sockets of its own. */
  readonly servers: readonly Endpoint[]
  /** One for each host and type. */
  readonly queries: readonly Asked[]
  readonly pace: Pace
  readonly packets: PacketCounts
  readonly origin: Origin
  /** Milliseconds after which a query counts as lost. */
  readonly timeoutMs: number
}

/** How often lost queries are looked for, and a window that could not be filled is tried again. */
const TICK_MS = 20
/** How long a sender that is behind goes on beyond its time. */
const GRACE_MS = 1_000
/** How many times its rate a sender that is behind sends. */
const CATCH_UP = 4
/** Batches a socket is read at most before others have their turn. */
const READS = 4

/** Queries as fast as a server answers them, or as fast as they are due: a window of them is under way. */
export class RawLoad implements Load {
  unsent = 0
  readonly #parts: RawLoadParts
  readonly #sockets: readonly RawSocket[]
  #recorder: Recorder | null = null
  #start = 0
  #end = 0
  /** When the batch leaves that is being sent. */
  #now = 0
  /** Whether an open loop sends no more. */
  #isOver = false
  /** Queries sent in this turn. */
  #sent = 0
  #query = 0
  /** The socket that sends next. */
  #socket = 0
  #timers: NodeJS.Timeout[] = []
  #immediate: NodeJS.Immediate | undefined
  #resolve: (() => void) | null = null

  /** Throws SyscallError where a socket cannot be opened. */
  constructor(parts: RawLoadParts) {
    this.#parts = parts
    const { openPort, origin, pace, packets, queries, servers, timeoutMs } = parts
    const ended = (from: number, outcome: Outcome): void => {
      const now = performance.now()
      this.#recorder?.record(now - from, origin.at(now), outcome)
    }
    const count = Math.min(SOCKETS, pace.concurrency)
    this.#sockets = Array.from({ length: count }, (_, i): RawSocket => {
      const port = openPort(servers[i % servers.length]!, () => this.#receive(i))
      return new RawSocket(port, queries, packets, timeoutMs, ended)
    })
  }

  turn(ms: number, recorder: Recorder): Promise<void> {
    this.#recorder = recorder
    this.#start = performance.now()
    this.#end = this.#start + ms
    this.#sent = 0
    this.#isOver = false
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#timers = [setInterval(() => this.#tick(), TICK_MS), setTimeout(() => this.#tick(), ms)]
      if (this.#parts.pace.rate === null) this.#fill()
      else this.#follow(this.#parts.pace.rate)
    })
  }

  stop(): number {
    const left = this.#resolve === null ? 0 : this.#underWay()
    this.#leave()
    return left
  }

  close(): void {
    this.#leave()
    for (const socket of this.#sockets) socket.close()
  }

  #leave(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
    clearImmediate(this.#immediate)
    this.#resolve?.()
    this.#resolve = null
  }

  #underWay(): number {
    let sum = 0
    for (const { underWay } of this.#sockets) sum += underWay
    return sum
  }

  #receive(i: number): void {
    const socket = this.#sockets[i]
    if (socket === undefined) return
    for (let reads = 0; reads < READS; reads++) if (socket.receive() < BATCH) break
    if (this.#resolve === null) return
    // The socket that has answers goes on first.
    this.#socket = i
    if (this.#parts.pace.rate === null) this.#fill()
    else this.#sendDue(this.#parts.pace.rate)
    this.#finishIfOver()
  }

  #tick(): void {
    // What came while the event loop was held up is read before anything is given up.
    this.#immediate = setImmediate(() => {
      const now = performance.now()
      for (const socket of this.#sockets) socket.expire(now)
      if (this.#resolve === null) return
      if (this.#parts.pace.rate === null) this.#fill()
      this.#finishIfOver()
    })
  }

  /** A closed loop: as many as the window has room for. */
  #fill(): void {
    if (performance.now() < this.#end) this.#send(this.#parts.pace.concurrency - this.#underWay())
  }

  /** An open loop: sends what is due, and comes back when more is. */
  #follow(rate: number): void {
    if (this.#resolve === null) return
    this.#sendDue(rate)
    const now = performance.now()
    const isFull = this.#underWay() >= this.#parts.pace.concurrency
    const isSent = this.#sent >= this.#dueUntil(this.#end, rate)
    // What there was no time for is still sent; what the window has no room for is not.
    this.#isOver = now >= this.#end && (isSent || isFull || now >= this.#end + GRACE_MS)
    if (this.#isOver) return this.#finishIfOver()
    // A sender that stays awake to be more exact is the first that a busy machine lets wait.
    const next = this.#start + (this.#sent * 1000) / rate - now
    this.#timers[2] = setTimeout(() => this.#follow(rate), Math.max(1, next))
  }

  #sendDue(rate: number): void {
    if (this.#isOver) return
    const due = this.#dueUntil(performance.now(), rate)
    // A sender that was held up does not make a burst of it, for which a server may have no room.
    const most = Math.max(BATCH, (CATCH_UP * rate) / 1000)
    const room = this.#parts.pace.concurrency - this.#underWay()
    this.#send(Math.min(due - this.#sent, room, Math.ceil(most)))
  }

  /** Queries that are due before a time, in this turn. */
  #dueUntil(now: number, rate: number): number {
    return Math.ceil(((Math.min(now, this.#end) - this.#start) * rate) / 1000 - 1e-6)
  }

  #send(count: number): void {
    const { length } = this.#sockets
    // In a closed loop each socket has its share of the window, from the beginning on.
    const { concurrency, rate } = this.#parts.pace
    const share = rate === null ? Math.ceil(concurrency / length) : Infinity
    let room = count
    for (let tries = length; tries > 0 && room > 0; tries--) {
      const socket = this.#sockets[this.#socket]!
      this.#now = performance.now()
      const free = share - socket.underWay
      const sent = socket.send(Math.min(room, free), this.#query, this.#now, this.#fromOf)
      this.#query = (this.#query + sent) % this.#parts.queries.length
      this.#sent += sent
      room -= sent
      this.#socket = (this.#socket + 1) % length
    }
  }

  readonly #fromOf = (i: number): number => {
    const { rate } = this.#parts.pace
    if (rate === null) return this.#now
    const due = this.#start + ((this.#sent + i) * 1000) / rate
    return this.#now - due > OWN_DELAY_MS ? due : this.#now
  }

  #finishIfOver(): void {
    if (this.#resolve === null || this.#underWay() > 0) return
    const { rate } = this.#parts.pace
    if (rate === null ? performance.now() < this.#end : !this.#isOver) return
    if (rate !== null) this.unsent += this.#dueUntil(this.#end, rate) - this.#sent
    this.#leave()
  }
}
