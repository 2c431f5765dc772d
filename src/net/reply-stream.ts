import type { Socket } from 'node:net'

import type { ByteBudget } from '../lib/byte-budget.ts'
import { SpareBuffers } from './spare-buffers.ts'

const PREFIX = 2
/** Smallest buffer, and the largest that an idle connection keeps. */
const MIN_BUFFER = 512
const KEPT_BUFFER = 4_096

const noBytes: Buffer = Buffer.alloc(0)
const spare = new SpareBuffers()

/**
 * The answers of a TCP connection that have not been written: those of a tick leave in one write, and
 * while the kernel has not taken one write whole, further answers wait for the next.
 *
 *     add ─▶ | len reply | len reply | free |  ── flush ─▶  | being written |  ─▶ socket
 *                                        ↑ ready
 */
export class ReplyStream {
  readonly #socket: Socket
  readonly #budget: ByteBudget
  readonly #emptied: () => void
  #buffer: Buffer = noBytes
  #ready = 0
  #writing: Buffer = noBytes
  #inWrite = 0
  #since = 0

  /**
   * @param budget what the unsent octets of all connections are counted in
   * @param emptied called when a write is through
   */
  constructor(socket: Socket, budget: ByteBudget, emptied: () => void) {
    this.#socket = socket
    this.#budget = budget
    this.#emptied = emptied
  }

  /** Octets not taken by the kernel. */
  get unsent(): number {
    return this.#ready + this.#inWrite
  }

  /** Milliseconds the current write has been waiting. */
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

  /** Writes what is ready unless a write is under way: its end flushes the rest. */
  flush(now: number): void {
    if (this.#ready === 0 || this.#inWrite > 0) return
    const buffer = this.#buffer
    const length = this.#ready
    this.#buffer = this.#writing
    this.#writing = buffer
    this.#inWrite = length
    this.#ready = 0
    this.#since = now
    this.#socket.write(length === buffer.length ? buffer : buffer.subarray(0, length), this.#done)
  }

  /** Forgets what has not been written: the connection is gone. */
  clear(): void {
    this.#budget.give(this.unsent)
    this.#ready = 0
    this.#inWrite = 0
    if (this.#buffer.length > KEPT_BUFFER) spare.give(this.#buffer)
    this.#buffer = noBytes
    // The kernel may read it still: no spare one.
    this.#writing = noBytes
  }

  readonly #done = (error?: Error | null): void => {
    this.#budget.give(this.#inWrite)
    this.#inWrite = 0
    if (this.#writing.length > KEPT_BUFFER) {
      spare.give(this.#writing)
      this.#writing = noBytes
    }
    // A broken stream has nothing to write: its end is near.
    if (!error) this.#emptied()
  }

  #grow(need: number): void {
    const grown =
      need > KEPT_BUFFER
        ? spare.take(need)
        : Buffer.allocUnsafeSlow(Math.min(Math.max(2 * need, MIN_BUFFER), KEPT_BUFFER))
    this.#buffer.copy(grown, 0, 0, this.#ready)
    if (this.#buffer.length > KEPT_BUFFER) spare.give(this.#buffer)
    this.#buffer = grown
  }
}
