/** Octets of the length in front of each message on a stream (RFC 1035 §4.2.2). */
export const LENGTH_SIZE = 2
/** The longest message that it can tell of. */
const MAX_FRAME = 0xffff
/** A partial frame up to this size keeps its buffer for the next one. */
const KEPT_BUFFER = 512

const FrameState = {
  /** Between frames, or with the first octet of a length seen. */
  Length: 0,
  /** Inside a message. */
  Body: 1,
  /** Told to stop: what still arrives is dropped. */
  Closed: 2,
} as const
type FrameState = (typeof FrameState)[keyof typeof FrameState]

/** Takes one message: `buffer[0..length)`, borrowed until it returns. */
export type OnFrame = (buffer: Buffer, length: number) => void

const noBytes: Buffer = Buffer.alloc(0)

/**
 * Cuts a stream into messages, whatever its chunks. Each message is copied to offset 0 of the
 * scratch buffer; nothing is allocated for one that arrives in a single chunk. What arrives in parts
 * is kept in a buffer that grows with the octets received, not with the length announced, so that an
 * idle connection announcing 65,535 octets costs nothing.
 *
 *     chunk  [len body][len body][len bo      → two calls of onFrame, "bo" is kept
 *     chunk  dy][le                           → one call, half a length is kept
 */
export class FrameReader {
  readonly #scratch: Buffer
  #state: FrameState = FrameState.Length
  /** First octet of a length split between chunks, or −1. */
  #high = -1
  #length = 0
  #partial: Buffer = noBytes
  #have = 0

  /** @param scratch where messages are delivered: at least 65,535 octets; may be shared */
  constructor(scratch: Buffer) {
    this.#scratch = scratch
  }

  /** Whether the stream stands between two messages: its end here loses nothing. */
  get idle(): boolean {
    return this.#state === FrameState.Length && this.#high < 0
  }

  /** Takes the next octets of the stream; calls `onFrame` once for each message completed. */
  push(chunk: Buffer, onFrame: OnFrame): void {
    let at = 0
    while (at < chunk.length && this.#state !== FrameState.Closed) {
      at =
        this.#state === FrameState.Length
          ? this.#readLength(chunk, at, onFrame)
          : this.#readBody(chunk, at, onFrame)
    }
  }

  /** Drops what is buffered and all that still arrives; `onFrame` may call this. */
  close(): void {
    this.#state = FrameState.Closed
    this.#partial = noBytes
  }

  #readLength(chunk: Buffer, at: number, onFrame: OnFrame): number {
    let next = at
    if (this.#high < 0) this.#high = chunk[next++]!
    if (next === chunk.length) return next
    this.#length = (this.#high << 8) | chunk[next++]!
    this.#high = -1
    this.#have = 0
    // A message of no octets is complete already.
    if (this.#length === 0) onFrame(this.#scratch, 0)
    else this.#state = FrameState.Body
    return next
  }

  #readBody(chunk: Buffer, at: number, onFrame: OnFrame): number {
    const missing = this.#length - this.#have
    const end = at + missing
    if (end > chunk.length) {
      this.#store(chunk, at)
      return chunk.length
    }
    if (this.#have > 0) this.#partial.copy(this.#scratch, 0, 0, this.#have)
    chunk.copy(this.#scratch, this.#have, at, end)
    if (this.#partial.length > KEPT_BUFFER) this.#partial = noBytes
    this.#state = FrameState.Length
    onFrame(this.#scratch, this.#length)
    return end
  }

  #store(chunk: Buffer, at: number): void {
    const need = this.#have + chunk.length - at
    if (need > this.#partial.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(2 * need, MAX_FRAME))
      this.#partial.copy(grown, 0, 0, this.#have)
      this.#partial = grown
    }
    chunk.copy(this.#partial, this.#have, at)
    this.#have = need
  }
}

/** A copy of a message with its length in front, as it stands on a stream. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_SIZE + message.length)
  frame.writeUInt16BE(message.length)
  frame.set(message, LENGTH_SIZE)
  return frame
}
