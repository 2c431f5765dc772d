/** The length in front of a message is 16 bits wide (RFC 1035 §4.2.2). */
const PREFIX = 2
/** Smallest buffer for an incomplete message. */
const MIN_PARTIAL = 512

/** Instead of a length: the next message is longer than allowed. Nothing behind it can be read. */
export const TOO_LONG = -2

const noBytes: Buffer = Buffer.alloc(0)

/**
 * Octets received on a stream and not taken yet, cut into messages one at a time: who takes them may
 * stop between any two, which is what back pressure needs.
 *
 *     bytes   | taken | len body | len body | len bo | free |
 *                     ↑ at                           ↑ end
 *
 * A chunk is read as it is. What is left of it when all whole messages are taken, or at `keep()`, moves to
 * a buffer of our own that grows with the octets received, not with the length announced: an idle
 * client that announces 65,535 octets costs nothing.
 */
export class FrameQueue {
  readonly #longest: number
  #bytes: Buffer = noBytes
  #at = 0
  #end = 0
  /** Whether `#bytes` is ours to write to. */
  #owned = false

  /** @param longest octets that a message may have, 65,535 at most */
  constructor(longest: number = 0xffff) {
    this.#longest = longest
  }

  /** Octets of memory that what has not been taken keeps. */
  get held(): number {
    return this.#at === this.#end ? 0 : this.#bytes.length
  }

  /** Whether the stream stands between two messages with none waiting. */
  get empty(): boolean {
    return this.#at === this.#end
  }

  /** Appends `chunk[0..length)`, borrowed until the next `keep()`. */
  push(chunk: Buffer, length: number = chunk.length): void {
    if (this.#at === this.#end) {
      this.#bytes = chunk
      this.#at = 0
      this.#end = length
      this.#owned = false
      return
    }
    if (!this.#owned || this.#end + length > this.#bytes.length) this.#move(length)
    chunk.copy(this.#bytes, this.#end, 0, length)
    this.#end += length
  }

  /**
   * Copies the next whole message to the start of `out`, which holds the longest, and returns
   * its length; −1 where none is complete, TOO_LONG as soon as one is announced that is too long.
   */
  next(out: Buffer): number {
    const have = this.#end - this.#at
    if (have < PREFIX) return this.#wait()
    const length = (this.#bytes[this.#at]! << 8) | this.#bytes[this.#at + 1]!
    if (length > this.#longest) return TOO_LONG
    if (have < PREFIX + length) return this.#wait()
    const start = this.#at + PREFIX
    this.#at = start + length
    this.#bytes.copy(out, 0, start, this.#at)
    if (this.#at === this.#end) this.clear()
    return length
  }

  /** Forgets everything. */
  clear(): void {
    this.#bytes = noBytes
    this.#at = 0
    this.#end = 0
    this.#owned = false
  }

  /** Copies what is left of a chunk, which is its reader's again afterwards. */
  keep(): void {
    if (!this.#owned && this.#at < this.#end) this.#move(0)
  }

  #wait(): number {
    // A chunk of 64 KiB shall not stay in memory for the sake of its last octets.
    this.keep()
    return -1
  }

  /** Moves what is left to the start of an own buffer with room for `more`, larger than needed. */
  #move(more: number): void {
    const need = this.#end - this.#at + more
    const size = Math.max(need, Math.min(2 * need, PREFIX + this.#longest), MIN_PARTIAL)
    const to = Buffer.allocUnsafeSlow(size)
    this.#bytes.copy(to, 0, this.#at, this.#end)
    this.#end -= this.#at
    this.#at = 0
    this.#bytes = to
    this.#owned = true
  }
}
