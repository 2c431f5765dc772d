import type { ByteBudget } from '../lib/byte-budget.ts'
import type { ClientStream } from './client-stream.ts'
import { SpareBuffers } from './spare-buffers.ts'

const PREFIX = 2

const noBytes: Buffer = Buffer.alloc(0)
const spare = new SpareBuffers()

/**
 * The answers of a TCP connection that have not been written: those of a tick leave in one write, and
 * while the kernel has not taken one write whole, further answers wait for the next.
 *
 *     add ─▶ | len reply | len reply | free |  ── flush ─▶  | being written |  ─▶ stream
 *                                        ↑ ready
 *
 * Buffers are lent: who has no answers to send has none.
 */
export class ReplyStream {
  readonly #stream: ClientStream
  readonly #budget: ByteBudget
  #buffer: Buffer = noBytes
  #ready = 0
  #writing: Buffer = noBytes
  #inWrite = 0
  #since = 0

  /** @param budget what the unsent octets of all connections are counted in */
  constructor(stream: ClientStream, budget: ByteBudget) {
    this.#stream = stream
    this.#budget = budget
  }

  /** Octets not taken by the kernel. */
  get unsent(): number {
    return this.#ready + this.#inWrite
  }

  /** Milliseconds since the kernel took octets of the current write, or since it began. */
  stalledSince(now: number): number {
    return this.#inWrite === 0 ? 0 : now - this.#since
  }

  /** Appends a reply and its length. */
  add(reply: Buffer, length: number): void {
    const at = this.#ready
    const end = at + PREFIX + length
    if (end > this.#buffer.length) this.#grow(end)
    this.#buffer[at] = length >> 8
    this.#buffer[at + 1] = length
    reply.copy(this.#buffer, at + PREFIX, 0, length)
    this.#ready = end
    this.#budget.take(PREFIX + length)
  }

  /** Writes what is ready unless a write is under way: its end flushes the rest. May end the stream. */
  flush(now: number): void {
    if (this.#ready === 0 || this.#inWrite > 0) return
    const length = this.#ready
    this.#writing = this.#buffer
    this.#buffer = noBytes
    this.#ready = 0
    this.#inWrite = length
    this.#since = now
    this.#take(this.#stream.write(this.#writing, length))
  }

  /** The kernel has taken so many octets more. */
  wrote(octets: number, now: number): void {
    this.#since = now
    this.#take(octets)
  }

  #take(octets: number): void {
    // Cleared meanwhile.
    if (octets === 0 || this.#inWrite === 0) return
    this.#inWrite -= octets
    this.#budget.give(octets)
    if (this.#inWrite > 0) return
    spare.give(this.#writing)
    this.#writing = noBytes
  }

  /** Forgets what has not been written: the connection is gone. */
  clear(): void {
    this.#budget.give(this.unsent)
    this.#ready = 0
    this.#inWrite = 0
    if (this.#buffer.length > 0) spare.give(this.#buffer)
    this.#buffer = noBytes
    if (this.#writing.length > 0 && !this.#stream.readsOn) spare.give(this.#writing)
    this.#writing = noBytes
  }

  #grow(need: number): void {
    const grown = spare.take(need)
    this.#buffer.copy(grown, 0, 0, this.#ready)
    if (this.#buffer.length > 0) spare.give(this.#buffer)
    this.#buffer = grown
  }
}
