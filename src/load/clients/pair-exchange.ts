import type { Endpoint } from '../../lib/address.ts'
import { Deadline } from '../deadline.ts'
import { type Asked, isConclusive, type Reply, readReply } from '../message.ts'
import type { PacketCounts } from '../packet-counts.ts'
import type { SocketOwner, Sockets, UdpPort } from '../sockets.ts'

/** Who waits for the answers of a pair. One of these is called, once for each `ask`. */
export interface PairAsker {
  /** All there will be; null for one that did not come. */
  answered(replies: readonly (Reply | null)[]): void
  /** An answer did not fit. */
  truncated(): void
  /** No answer in time: null, and it may be asked again. A socket's error: the exchange is closed then. */
  failed(code: string | null): void
}

/**
 * The questions of a look-up at one server, as glibc's send_dg has it: where one answer comes and the other
 * does not, both are asked again, one after the other, and at last each from a port of its own.
 *
 *     parallel ──one of two in time──▶ serial ──one of two──▶ reopen ──one of two──▶ answered, in part
 *        │                               │                      │
 *        └──────── both ─────────────────┴──────────────────────┴──▶ answered
 */
export class PairExchange implements SocketOwner {
  readonly #sockets: Sockets
  readonly #packets: PacketCounts
  readonly #server: Endpoint
  readonly #asked: readonly Asked[]
  readonly #replies: (Reply | null)[]
  #mode: 'parallel' | 'serial' | 'reopen'
  #port: UdpPort
  #asker: PairAsker | null = null
  readonly #deadline = new Deadline()
  #timeoutMs = 0

  constructor(
    sockets: Sockets,
    packets: PacketCounts,
    server: Endpoint,
    asked: readonly Asked[],
    mode: 'parallel' | 'serial' | 'reopen' | 'tcp',
  ) {
    this.#sockets = sockets
    this.#packets = packets
    this.#server = server
    this.#asked = asked
    this.#replies = asked.map(() => null)
    this.#mode = mode === 'tcp' ? 'parallel' : mode
    this.#port = sockets.connect(server, this)
  }

  /** Asks, from the same port as before. @param timeoutMs milliseconds for all answers together */
  ask(timeoutMs: number, asker: PairAsker): void {
    this.#asker = asker
    this.#timeoutMs = timeoutMs
    this.#begin()
  }

  close(): void {
    this.#deadline.clear()
    this.#asker = null
    this.#port.close()
  }

  message(bytes: Buffer, length: number): void {
    this.#packets.received++
    const at = this.#asked.findIndex((asked, i) => {
      if (this.#replies[i] !== null) return false
      this.#replies[i] = readReply(bytes, length, asked)
      return this.#replies[i] !== null
    })
    const reply = this.#replies[at] ?? null
    if (reply === null || this.#asker === null) {
      this.#packets.rejected++
      return
    }
    if (reply.truncated) {
      const asker = this.#asker
      this.close()
      return asker.truncated()
    }
    if (this.#replies.every((one) => one !== null)) return this.#end(this.#replies)
    // An error says nothing of the other question, which may yet be answered.
    if (this.#mode !== 'parallel') this.#askNext(isConclusive(reply))
  }

  failed(code: string): void {
    const asker = this.#asker
    this.close()
    asker?.failed(code)
  }

  #begin(): void {
    this.#replies.fill(null)
    this.#deadline.set(this.#timeoutMs, () => this.#timeOut())
    if (this.#mode === 'parallel') this.#send(this.#asked)
    else this.#send([this.#asked[0]!])
  }

  #askNext(isConclusiveSoFar: boolean): void {
    if (!isConclusiveSoFar) return this.#end(this.#replies)
    if (this.#mode === 'reopen') this.#reopen()
    this.#send([this.#asked[this.#replies.indexOf(null)]!])
  }

  #reopen(): void {
    this.#port.close()
    this.#port = this.#sockets.connect(this.#server, this)
  }

  #send(asked: readonly Asked[]): void {
    this.#packets.sent += asked.length
    this.#port.send(
      asked.map(({ query }) => query),
      null,
    )
  }

  #timeOut(): void {
    const { length } = this.#replies.filter((reply) => reply !== null)
    if (length === 0) {
      const asker = this.#asker
      this.#asker = null
      // The port stays: a further attempt is made from it.
      return asker?.failed(null)
    }
    if (this.#mode === 'reopen') return this.#end(this.#replies)
    this.#mode = this.#mode === 'parallel' ? 'serial' : 'reopen'
    if (this.#mode === 'reopen') this.#reopen()
    this.#packets.retries += this.#asked.length
    this.#begin()
  }

  #end(replies: readonly (Reply | null)[]): void {
    const asker = this.#asker
    this.#deadline.clear()
    this.#asker = null
    asker?.answered(replies)
  }
}
