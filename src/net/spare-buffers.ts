/** Octets kept for the next that needs a buffer. */
const KEPT = 8 * 2 ** 20
/** Sizes are powers of two from here on. */
const SMALLEST = 12

/**
 * Buffers of 4 KiB and more that are used again. Left to the collector, those of clients that ask for large
 * answers without reading them were more than the answers: it comes once 64 MiB have piled up.
 */
export class SpareBuffers {
  readonly #bySize: Buffer[][] = []
  #kept = 0

  /** One of `need` octets at least, and less than twice that; what is in it is anybody's. */
  take(need: number): Buffer {
    const size = Math.max(SMALLEST, 32 - Math.clz32(need - 1))
    const buffer = this.#bySize[size]?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(2 ** size)
    this.#kept -= buffer.length
    return buffer
  }

  /** Takes back what `take()` gave, once nobody reads or writes it. */
  give(buffer: Buffer): void {
    if (this.#kept + buffer.length > KEPT) return
    this.#kept += buffer.length
    const size = 31 - Math.clz32(buffer.length)
    const list = this.#bySize[size]
    if (list === undefined) this.#bySize[size] = [buffer]
    else list.push(buffer)
  }
}
