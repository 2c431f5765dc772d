/** Bytes of an entry in the columns below, a multiple of the widest. */
const ROW = 56

/** The columns of stores that hold nothing yet, which is the rule. */
const doubles: Float64Array = new Float64Array(0)
const words: Uint32Array = new Uint32Array(0)
const shorts: Uint16Array = new Uint16Array(0)
const signedShorts: Int16Array = new Int16Array(0)
const octets: Uint8Array = new Uint8Array(0)

/**
 * What belongs to the entries of a store beside their octets: an array for each property, an element for
 * each slot. They grow with the number of slots in use, and lie in one buffer: there may be thousands of
 * stores with few entries.
 */
export class EntryColumns {
  protected slotCount = 0

  protected address: Float64Array = doubles
  /** Milliseconds of `Clock.now`. */
  storedAt: Float64Array = doubles
  expiresAt: Float64Array = doubles
  /** The time of the last hit (prefetch). */
  lastHitAt: Float64Array = doubles
  /** After a failed refresh the upstream is not asked again before this time. */
  retryAt: Float64Array = doubles
  /** Hits since the last gap (prefetch). */
  hits: Uint32Array = words
  protected keyBytes: Uint16Array = shorts
  protected recordBytes: Uint16Array = shorts
  protected ttlCount: Uint16Array = shorts
  protected errorBytes: Uint16Array = shorts
  /** RFC 8914 code of our own, or −1. */
  ede: Int16Array = signedShorts
  rcode: Uint8Array = octets
  /** `CacheKey.variant`. */
  variant: Uint8Array = octets

  /** Makes room for slots 0 … `slots` − 1, more than before. */
  protected growColumns(slots: number): void {
    const buffer = new ArrayBuffer(slots * ROW)
    let at = 0
    const next = <T extends { set(from: T): void; BYTES_PER_ELEMENT: number }>(
      make: new (buffer: ArrayBuffer, at: number, length: number) => T,
      before: T,
    ): T => {
      const column = new make(buffer, at, slots)
      column.set(before)
      at += slots * before.BYTES_PER_ELEMENT
      return column
    }
    // The widest first, so that all are aligned.
    this.address = next(Float64Array, this.address)
    this.storedAt = next(Float64Array, this.storedAt)
    this.expiresAt = next(Float64Array, this.expiresAt)
    this.lastHitAt = next(Float64Array, this.lastHitAt)
    this.retryAt = next(Float64Array, this.retryAt)
    this.hits = next(Uint32Array, this.hits)
    this.keyBytes = next(Uint16Array, this.keyBytes)
    this.recordBytes = next(Uint16Array, this.recordBytes)
    this.ttlCount = next(Uint16Array, this.ttlCount)
    this.errorBytes = next(Uint16Array, this.errorBytes)
    this.ede = next(Int16Array, this.ede)
    this.rcode = next(Uint8Array, this.rcode)
    this.variant = next(Uint8Array, this.variant)
    this.slotCount = slots
  }
}
