import type { Clock } from '../../lib/clock.ts'
import { TimeOfDay } from '../../lib/time-of-day.ts'
import { Format } from '../../serve/format.ts'
import { BlockMetadata } from '../../serve/metadata.ts'
import type { BlockContext, UpstreamExchange } from '../../serve/plugin.ts'
import { Outcome, Protocol, type Query } from '../../serve/query.ts'
import type { DnstapConfig } from './config.ts'
import {
  addressOf,
  clientAddress,
  type Envelope,
  MessageType,
  type SocketAddress,
  SocketProtocol,
} from './payload.ts'
import type { Destination } from './sink.ts'

/** Addresses that were read already, own ports among them: many, and each but a few times. */
const MAX_ADDRESSES = 1024
/** Octets of `extra`, placeholders filled in. */
const MAX_EXTRA = 65_535

/** Makes messages of what happens in a block, for one destination. */
export class Tap {
  readonly #full: boolean
  readonly #clock: Clock
  readonly #destination: Destination
  readonly #plain: Envelope
  readonly #extra: Format | null
  readonly #time: TimeOfDay
  readonly #addresses = new Map<string, SocketAddress | null>()

  constructor(config: DnstapConfig, destination: Destination, block: BlockContext) {
    this.#full = config.full
    this.#clock = block.services.clock
    this.#time = new TimeOfDay(this.#clock)
    this.#destination = destination
    const identity = Buffer.from(config.identity)
    this.#plain = { identity, version: Buffer.from(config.version), extra: null }
    this.#extra = config.extra === '' ? null : new Format(config.extra, new BlockMetadata(block))
  }

  /** A client's query, as it came. */
  query(q: Query): void {
    const { length, receivedAt, wire } = q
    const message = {
      type: MessageType.ClientQuery,
      protocol: protocolOf(q),
      from: clientAddress(q.client),
      to: null,
      queryTime: this.#time.at(receivedAt),
      responseTime: null,
      wire: this.#full ? wire.subarray(0, length) : null,
    }
    this.#destination.add(message, this.#envelope(q))
  }

  /** The reply that its client got. */
  response(q: Query): void {
    if (q.outcome === Outcome.Drop) return
    const message = {
      type: MessageType.ClientResponse,
      protocol: protocolOf(q),
      from: clientAddress(q.client),
      to: null,
      queryTime: this.#time.at(q.receivedAt),
      responseTime: this.#time.at(this.#clock.refresh()),
      wire: this.#full ? q.out.subarray(0, q.outLength) : null,
    }
    this.#destination.add(message, this.#envelope(q))
  }

  /** Our query to an upstream, and its reply. */
  exchanged(q: Query, exchange: UpstreamExchange): void {
    const { local, query, reply, sentAt, transport, upstream } = exchange
    const common = {
      protocol: SocketProtocol[transport as keyof typeof SocketProtocol],
      from: this.#address(local),
      to: this.#address(upstream),
      queryTime: this.#time.at(sentAt),
    }
    const envelope = this.#envelope(q)
    const wire = this.#full ? query : null
    const type = MessageType.ForwarderQuery
    this.#destination.add({ ...common, type, responseTime: null, wire }, envelope)
    if (reply === null) return
    this.#destination.add(
      {
        ...common,
        type: MessageType.ForwarderResponse,
        responseTime: this.#time.at(this.#clock.refresh()),
        wire: this.#full ? reply : null,
      },
      envelope,
    )
  }

  #envelope(q: Query): Envelope {
    if (this.#extra === null) return this.#plain
    const seconds = Math.round((this.#clock.now - q.receivedAt) * 1000) / 1e6
    const extra = Buffer.from(this.#extra.write(q, seconds)).subarray(0, MAX_EXTRA)
    return { ...this.#plain, extra }
  }

  #address(text: string): SocketAddress | null {
    const known = this.#addresses.get(text)
    if (known !== undefined) return known
    if (this.#addresses.size >= MAX_ADDRESSES) this.#addresses.clear()
    const address = addressOf(text)
    this.#addresses.set(text, address)
    return address
  }
}

function protocolOf({ server, target }: Query): number {
  if (target.protocol === Protocol.Udp) return SocketProtocol.udp
  if (server.name.startsWith('tls:')) return SocketProtocol['tcp-tls']
  return server.name.startsWith('https:') ? SocketProtocol.https : SocketProtocol.tcp
}
