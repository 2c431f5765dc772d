import type { Socket } from 'node:net'
import { descriptorOf } from '../lib/descriptor-of.ts'
import { IdTable } from '../lib/id-table.ts'
import { Timer } from '../lib/timer-wheel.ts'
import type { Flushable } from '../lib/turn.ts'
import { FrameReader } from '../wire/frame.ts'
import { HEADER_SIZE, readId } from '../wire/header.ts'
import { localOf } from './address.ts'
import { type ChannelOptions, type ConnectionOwner, noteStrange } from './channel.ts'
import type { Acknowledgeable } from './context.ts'
import { Transport } from './counters.ts'
import type { Carrier, Exchange } from './exchange.ts'
import type { Pipelining } from './pipelining.ts'
import { QueryBatch } from './query-writer.ts'
import { judgeReply, Verdict } from './reply-check.ts'
import { openStream, type StreamOwner } from './stream.ts'

/** CoreDNS gives a dial 30 s, longer than any client waits. */
export const DIAL_TIMEOUT_MS = 2000
/** An upstream that reads so little gets no more queries on this connection. */
const MAX_UNSENT = 64 * 1024
/** Where more are owed, another write is soon to come. */
const BUSY = 8

type State = 'connecting' | 'ready' | 'closed'

/**
 * One TCP connection to an upstream, encrypted or not. Queries are pipelined under 16-bit ids, at most one write a
 * tick; replies may come in any order (RFC 7766 §6.2.1.1).
 *
 *     connecting ─TCP, TLS─▶ ready ─end, destroy()─▶ closed
 *          └────2 s, error, destroy()───────────────────┘
 */
export class UpstreamConnection implements Carrier, Flushable, Acknowledgeable, StreamOwner {
  /** Replies the upstream owes us, those nobody waits for any more included. */
  owed = 0
  /** Clock time of the latest reply or, if nothing was owed then, of the query after it. */
  progressAt = 0
  usedAt = 0
  /** Queries it was given, and answers it gave, those included that nobody waits for any more. */
  sent = 0
  answers = 0
  /** Queries that may be in flight, where the upstream answers in order. */
  window = 1
  /** Whether the window has kept queries out since it last grew. */
  isWanted = false
  answeredAt = 0
  /** Clock time since when it takes queries; 0: it never did. */
  readyAt = 0
  /** Milliseconds that connecting took, TLS not included: about one round trip of the network. */
  handshake = 0
  /** For `Spread`: whether it was opened to follow another one, shares the queries, takes no more of them. */
  isSuccessor = false
  isMember = false
  isRetired = false
  /** For `Connections`: whether it was found late, and has said nothing since. */
  isAside = false
  /** The server behind the upstream's address, as `Backends.of()` has it. */
  backend: string | null = null
  readonly #owner: ConnectionOwner<UpstreamConnection>
  readonly #options: ChannelOptions
  readonly #transport: Transport
  readonly #pipelining: Pipelining
  readonly #socket: Socket
  readonly #dialTimer: Timer
  readonly #ids: IdTable<Exchange>
  readonly #reader: FrameReader
  #state: State = 'connecting'
  /** The socket's descriptor; −1 where it is not open or not known. */
  #fd = -1
  #code: string | null = null
  /** Whether the other end closed it, and not we. */
  wasCut = false
  /** Number of the youngest query that has been answered; −1: none. */
  #youngest = -1
  /** Whether nothing was in flight when the query went out that is answered next. */
  #rested = true
  readonly #batch = new QueryBatch()
  #flushing = false
  #unacknowledged = false
  #forsakenBy = -1

  /** @param idBits 2^idBits queries may be in flight; the other bits of an id tell a slot's tenants apart */
  constructor(
    owner: ConnectionOwner<UpstreamConnection>,
    options: ChannelOptions,
    pipelining: Pipelining,
    idBits: number,
  ) {
    this.#owner = owner
    this.#options = options
    this.#pipelining = pipelining
    this.#ids = new IdTable(idBits)
    const { context, counters, secure } = options
    this.#transport = secure === null ? Transport.Tcp : secure.transport
    this.#reader = new FrameReader(context.frameBuffer)
    this.usedAt = context.clock.now
    counters.open[this.#transport]!++
    counters.dialled[this.#transport]!++
    const onread = { buffer: context.readBuffer, callback: (size: number) => this.#read(size) }
    this.#socket = openStream(options, onread, this)
    this.#dialTimer = new Timer(() => this.destroy('ETIMEDOUT'))
    context.wheel.set(this.#dialTimer, DIAL_TIMEOUT_MS)
  }

  get isReady(): boolean {
    return this.#state === 'ready'
  }

  /** Whether queries of this tick wait for its write. */
  get isCollecting(): boolean {
    return !this.#batch.isEmpty
  }

  /** Queries in flight that somebody waits for. */
  get waiting(): number {
    return this.#ids.size
  }

  get isIdle(): boolean {
    return this.#ids.size === 0
  }

  get hasRoom(): boolean {
    return this.isReady && !this.#ids.full && this.#socket.writableLength < MAX_UNSENT
  }

  /** Whether it has lived so long, or is followed by another one, that it takes no more queries. */
  isAged(now: number): boolean {
    const { maxAge } = this.#options
    return this.isRetired || (maxAge > 0 && this.readyAt > 0 && now - this.readyAt >= maxAge)
  }

  /** Whether the upstream has said nothing for `ms` although it should have. */
  isSilent(now: number, ms: number): boolean {
    return this.owed > 0 && now - this.progressAt > ms
  }

  /** Sends the query at the end of this tick. Only where there is room. */
  send(x: Exchange): void {
    x.id = this.#ids.take(x)
    x.carrier = this
    x.sentAt = this.usedAt = this.#options.context.clock.now
    x.number = this.sent++
    if (x.tellsLocal) x.local = localOf(this.#socket)
    if (this.owed++ === 0) {
      this.progressAt = x.sentAt
      this.#rested = true
    }
    if (!this.#batch.makeRoom(x)) this.#write()
    this.#batch.add(x)
    this.#flushLater()
  }

  #flushLater(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#options.context.turn.add(this)
  }

  flush(): void {
    this.#flushing = false
    if (!this.#batch.isEmpty) this.#write()
    else if (this.#unacknowledged) this.acknowledge()
  }

  /** What is owed may wait for it: a write carries it, soon where many are in flight, else it goes alone after this tick. */
  #acknowledgeLater(): void {
    if (!this.#unacknowledged && this.owed > BUSY) this.#options.context.acknowledgements.add(this)
    this.#unacknowledged = true
    if (this.owed <= BUSY) this.#flushLater()
  }

  acknowledge(): void {
    if (this.#unacknowledged && this.#fd >= 0) this.#options.context.acknowledgements.send(this.#fd)
    this.#unacknowledged = false
  }

  #write(): void {
    const octets = this.#batch.take()
    this.#unacknowledged = false
    if (this.#state !== 'ready') return
    this.#socket.write(octets)
    // What the kernel did not take at once still lies in this buffer.
    if (this.#socket.writableLength > 0) this.#batch.yield()
  }

  cancel(x: Exchange): void {
    this.#ids.give(x.id)
    if (x.isSpoilt) this.owed--
    x.isSpoilt = false
    this.#forsakenBy = x.client
    x.carrier = null
  }

  /** Those who wait for an answer, oldest first, leaving none; or only those of `all`. */
  takeAll(all: Exchange[] = this.oldestFirst()): Exchange[] {
    for (const x of all) this.cancel(x)
    return all
  }

  /** Those who wait behind the query that is answered next, whether or not anybody waits for that. */
  takeBehind(): Exchange[] {
    const next = this.sent - this.owed
    return this.takeAll(this.oldestFirst().filter(({ number }, i) => i > 0 || number > next))
  }

  /** The client of the query that has waited longest, or of the last that was given up. */
  get holder(): number {
    return this.oldestFirst()[0]?.client ?? this.#forsakenBy
  }

  /** Only while it is open. */
  findBackend(): void {
    const { localAddress: host = '', localPort: port = 0 } = this.#socket
    this.backend = this.#options.context.backends.of({ host, port }, this.#options.endpoint)
  }

  /** Those that somebody waits for. */
  oldestFirst(): Exchange[] {
    return this.#ids.items().sort((a, b) => a.number - b.number)
  }

  /** Whether the other end's kernel has not even acknowledged what was sent: it is gone, the name not merely slow. */
  get isUnacknowledged(): boolean {
    return this.#fd >= 0 && this.#options.context.acknowledgements.pending(this.#fd) > 0
  }

  /** Ends the connection; the owner hears of it at once. */
  destroy(code: string | null = this.#code): void {
    this.#socket.destroy()
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#fd = -1
    this.#dialTimer.clear()
    this.#reader.close()
    this.#options.counters.open[this.#transport]!--
    this.#options.context.clock.refresh()
    this.#owner.closed(this, code)
  }

  reached(): void {
    this.handshake = this.#options.context.clock.refresh() - this.usedAt
  }

  connected(): void {
    if (this.#state !== 'connecting') return
    this.#dialTimer.clear()
    this.#state = 'ready'
    this.#fd = descriptorOf(this.#socket)
    this.readyAt = this.usedAt = this.#options.context.clock.refresh()
    this.#owner.ready(this)
  }

  failed(code: string): void {
    this.#code ??= code
  }

  ended(): void {
    if (this.#state === 'closed') return
    this.wasCut = true
    this.destroy()
  }

  #read(size: number): boolean {
    const { clock, readBuffer, turn } = this.#options.context
    const { answers, owed, progressAt } = this
    const now = clock.refresh()
    this.#reader.push(readBuffer.subarray(0, size), this.#frame)
    turn.count(owed - this.owed, now)
    if (this.owed > 0) this.#acknowledgeLater()
    if (this.answers === answers) return true
    const elapsed = now - progressAt
    const onTheWay = this.#rested ? Math.min(this.handshake, elapsed) : 0
    this.#rested = false
    this.#owner.answered(this, this.answers - answers, elapsed - onTheWay)
    return true
  }

  readonly #frame = (reply: Buffer, length: number): void => {
    if (this.#state !== 'ready') return
    this.progressAt = this.usedAt = this.#options.context.clock.now
    const x = length < HEADER_SIZE ? null : this.#ids.get(readId(reply))
    const verdict = x === null ? Verdict.Mismatch : judgeReply(x, reply, length)
    if (x === null || verdict === Verdict.Mismatch) {
      this.#stray(x, reply, length)
      return
    }
    this.#ids.give(x.id)
    this.#countAnswer()
    x.isSpoilt = false
    x.carrier = null
    if (x.isJoined) this.#pipelining.readsAll()
    if (x.number < this.#youngest) this.#pipelining.overtaken(this.progressAt, true)
    else this.#youngest = x.number
    if (this.#pipelining.keepsOrder) {
      this.owed = Math.max(this.sent - x.number - 1, this.#ids.size)
    }
    x.host?.received(x, reply, length, verdict)
  }

  /** A message nobody waits for: the late answer to an abandoned query, or garbage in place of one to `x`. */
  #stray(x: Exchange | null, message: Buffer, length: number): void {
    const isLate = x === null && this.owed > this.#ids.size
    if (isLate && length >= HEADER_SIZE) this.#countAnswer()
    else noteStrange(this.#options, message, length, x ?? (isLate ? null : this.#next()))
  }

  /** Whose answer comes next, where that is known. */
  #next(): Exchange | null {
    const isKnown = this.#pipelining.keepsOrder || this.#ids.size === 1
    return (isKnown && this.oldestFirst()[0]) || null
  }

  #countAnswer(): void {
    this.owed--
    this.answers++
    this.answeredAt = this.progressAt
  }
}
