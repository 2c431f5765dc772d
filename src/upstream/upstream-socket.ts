import { createSocket, type Socket } from 'node:dgram'
import { joinHostPort } from '../lib/address.ts'
import { HEADER_SIZE, rcodeOf, readFlags, readId } from '../wire/header.ts'
import { bindOptions } from './address.ts'
import { type ChannelOptions, type ConnectionOwner, noteStrange } from './channel.ts'
import { Transport } from './counters.ts'
import { isGood } from './edns-support.ts'
import { codeOf } from './error-code.ts'
import type { Carrier, Exchange } from './exchange.ts'
import { descriptorOfDatagrams } from './ports.ts'
import { MAX_QUERY_SIZE, writeQuery } from './query-writer.ts'
import { random16 } from './random.ts'
import { judgeReply, Verdict } from './reply-check.ts'

/** Ids must stay hard to guess: a small share of the 65,536 may be in use. */
const MAX_INFLIGHT = 1024
/** Queries after which a port is worn: where it can be had anew for little, and where not. */
const FEW_USES = 4
const MANY_USES = 64
/** Milliseconds after which a port is worn, however few queries it was used for. */
const LONG_USE = 5_000

/** A query is sent before the next one is written. */
const scratch = Buffer.allocUnsafeSlow(MAX_QUERY_SIZE)

/** Who opened a socket. */
export interface SocketOwner extends ConnectionOwner<UpstreamSocket> {
  /** A query that was sent at clock time `sentAt` has an answer that is no error. */
  proven(sentAt: number): void
}

const State = { Connecting: 0, Ready: 1, Closed: 2 } as const
type State = (typeof State)[keyof typeof State]

/**
 * A UDP socket connected to an upstream, on a source port the kernel picks at random: nobody else's
 * datagrams reach it, and a closed port is noticed. A port is used for a few queries, each under a random
 * id (RFC 5452 §9), then the idle socket gets another one.
 */
export class UpstreamSocket implements Carrier {
  /** Clock time of the latest query or reply. */
  usedAt: number
  readonly #owner: SocketOwner
  readonly #options: ChannelOptions
  readonly #socket: Socket
  readonly #exchanges = new Map<number, Exchange>()
  #state: State = State.Connecting
  /** Queries sent from this port, and since when it is in use. */
  #uses = 0
  #portSince: number
  #fd = -1
  /** Abandoned queries of this port whose answers may still come. */
  #abandoned = 0

  constructor(owner: SocketOwner, options: ChannelOptions) {
    this.#owner = owner
    this.#options = options
    const { context, counters, endpoint, source } = options
    const { host, port } = endpoint
    this.usedAt = this.#portSince = context.clock.now
    counters.open[Transport.Udp]!++
    counters.dialled[Transport.Udp]!++
    const family = host.includes(':') ? 6 : 4
    this.#socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // Addresses only: nothing to look up, but failures must not come before this returns.
      lookup: (address, _options, callback) => process.nextTick(callback, null, address, family),
    })
    this.#socket.on('error', (error) => this.#failed(error))
    this.#socket.on('message', (message) => this.#received(message))
    this.#socket.once('connect', () => this.#connected())
    this.#socket.once('listening', () => this.#socket.connect(port, host))
    this.#socket.bind(bindOptions(host, source))
    // The lookup goes on in process.nextTick.
    context.turn.endLater()
  }

  /** Whether it is connected. */
  get isReady(): boolean {
    return this.#state === State.Ready
  }

  /** `10.0.0.7:4242`; '' before it is connected. */
  get local(): string {
    if (!this.isReady) return ''
    const { address, port } = this.#socket.address()
    return joinHostPort(address, port)
  }

  /** True once its port has been in use for long enough. */
  get isWorn(): boolean {
    if (this.#uses >= MANY_USES) return true
    const { context, maxAge } = this.#options
    const age = context.clock.now - this.#portSince
    if (maxAge > 0 && age >= maxAge) return true
    return this.#fd >= 0 && (this.#uses >= FEW_USES || age > LONG_USE)
  }

  /** Whether it is worn so much that another socket should take its place, even a new one. */
  get isWornOut(): boolean {
    return this.#uses >= MANY_USES
  }

  /** Its port is worn, whatever it was used for. */
  distrust(): void {
    this.#portSince = -Infinity
  }

  /** Takes another port. Only where it is idle; false where that is impossible. */
  renew(): boolean {
    if (this.#fd < 0 || !this.#options.context.ports.renew(this.#fd, this.#options.endpoint))
      return false
    this.#uses = this.#abandoned = 0
    this.#portSince = this.#options.context.clock.now
    return true
  }

  get hasRoom(): boolean {
    return this.#exchanges.size < MAX_INFLIGHT
  }

  /** True where nobody waits for an answer. */
  get isIdle(): boolean {
    return this.#exchanges.size === 0
  }

  /** Sends the query, or keeps it until the socket is connected. Only where there is room. */
  send(x: Exchange): void {
    let id = random16()
    while (this.#exchanges.has(id)) id = random16()
    this.#uses++
    this.#exchanges.set(id, x)
    x.id = id
    x.carrier = this
    if (this.#state === State.Ready) this.#write(x)
  }

  #write(x: Exchange): void {
    x.sentAt = this.usedAt = this.#options.context.clock.now
    if (x.tellsLocal) x.local = this.local
    const { ports, turn } = this.#options.context
    const length = writeQuery(scratch, 0, x)
    const failure = ports.send(this.#fd, scratch, length)
    if (failure === null) return
    if (failure === false) {
      // libuv may hold on to it, so this query has octets of its own.
      this.#socket.send(Buffer.copyBytesFrom(scratch, 0, length), this.#sent)
      return
    }
    process.nextTick(this.#sent, failure)
    turn.endLater()
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#failed(error)
  }

  cancel(x: Exchange): void {
    this.#exchanges.delete(x.id)
    this.#abandoned++
    x.isSpoilt = false
    x.carrier = null
    if (this.isIdle && this.#state !== State.Closed) this.#owner.ready(this)
  }

  /** Those who wait for an answer, leaving none. */
  takeAll(): Exchange[] {
    const all = [...this.#exchanges.values()]
    this.#exchanges.clear()
    for (const x of all) {
      x.isSpoilt = false
      x.carrier = null
    }
    return all
  }

  /** Ends the socket; the owner hears of it at once. */
  destroy(): void {
    this.#end(null)
  }

  #end(code: string | null): void {
    if (this.#state === State.Closed) return
    if (code !== null) this.#tellLocal()
    this.#state = State.Closed
    this.#options.counters.open[Transport.Udp]!--
    this.#socket.close()
    this.#owner.closed(this, code)
  }

  #tellLocal(): void {
    const { local } = this
    for (const x of this.#exchanges.values()) x.local = local
  }

  #connected(): void {
    if (this.#state !== State.Connecting) return
    this.#state = State.Ready
    this.#portSince = this.#options.context.clock.refresh()
    if (this.#options.context.ports.canRenew) this.#fd = descriptorOfDatagrams(this.#socket)
    for (const x of this.#exchanges.values()) this.#write(x)
  }

  #failed(error: Error): void {
    this.#options.context.clock.refresh()
    this.#end(codeOf(error))
  }

  #received(reply: Buffer): void {
    if (this.#state !== State.Ready) return
    this.usedAt = this.#options.context.clock.refresh()
    const x = reply.length < HEADER_SIZE ? undefined : this.#exchanges.get(readId(reply))
    const verdict = x === undefined ? Verdict.Mismatch : judgeReply(x, reply, reply.length, true)
    if (x === undefined || verdict === Verdict.Mismatch) {
      this.#stray(x ?? null, reply)
      return
    }
    this.#exchanges.delete(x.id)
    x.isSpoilt = false
    x.carrier = null
    this.#owner.answered(this, 1, this.usedAt - x.sentAt)
    if (isGood(rcodeOf(readFlags(reply)))) this.#owner.proven(x.sentAt)
    if (this.isIdle) this.#owner.ready(this)
    x.host?.received(x, reply, reply.length, verdict)
  }

  /**
   * A datagram nobody waits for: the late answer to an abandoned query, or garbage, which a forger may have sent
   * whose guess of the id was wrong. Where it was not, it is in place of the answer to `x`.
   */
  #stray(x: Exchange | null, message: Buffer): void {
    const isLate = x === null && message.length >= HEADER_SIZE && this.#abandoned > 0
    if (isLate) this.#abandoned--
    else noteStrange(this.#options, message, message.length, x)
  }
}
