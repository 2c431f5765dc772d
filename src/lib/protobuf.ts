/** A field's kind, in the low three bits of its tag. */
const Wire = { varint: 0, fixed64: 1, octets: 2, fixed32: 5 } as const

/**
 * A cursor over octets that writes protobuf: a field's number and kind, then its value. Where there is
 * no more room it goes on in a larger buffer.
 */
export class ProtobufWriter {
  out: Buffer
  at: number

  constructor(out: Buffer, at = 0) {
    this.out = out
    this.at = at
  }

  /** What was written. */
  get written(): Buffer {
    return this.out.subarray(0, this.at)
  }

  /** A whole number, 0 … 2^53. */
  number(field: number, value: number): void {
    this.#tag(field, Wire.varint)
    this.#varint(value)
  }

  octets(field: number, value: Uint8Array): void {
    this.#tag(field, Wire.octets)
    this.#varint(value.length)
    this.#room(value.length)
    this.out.set(value, this.at)
    this.at += value.length
  }

  /** Text, in UTF-8. */
  text(field: number, value: string): void {
    const start = this.begin(field)
    this.#room(Buffer.byteLength(value))
    this.at += this.out.write(value, this.at)
    this.end(start)
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, Wire.fixed32)
    this.#room(4)
    this.at = this.out.writeUInt32LE(value, this.at)
  }

  fixed64(field: number, value: bigint): void {
    this.#tag(field, Wire.fixed64)
    this.#room(8)
    this.at = this.out.writeBigUInt64LE(value, this.at)
  }

  /** Begins a field that is a message: its fields follow, then `end` with what this returns. */
  begin(field: number): number {
    this.#tag(field, Wire.octets)
    this.#room(1)
    return this.at++
  }

  /** Ends the message that `begin` began. Its length goes before it, which may want more than one octet. */
  end(start: number): void {
    const first = start + 1
    const length = this.at - first
    const more = varintLength(length) - 1
    if (more > 0) {
      this.#room(more)
      this.out.copyWithin(first + more, first, this.at)
    }
    this.at = start
    this.#putVarint(length)
    this.at += length
  }

  #tag(field: number, kind: number): void {
    this.#varint(field * 8 + kind)
  }

  #varint(value: number): void {
    this.#room(8)
    this.#putVarint(value)
  }

  /** Where there is room: to ask for more would lose what stands behind. */
  #putVarint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.out[this.at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.out[this.at++] = rest
  }

  #room(octets: number): void {
    if (this.at + octets <= this.out.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.at + octets, this.out.length * 2))
    this.out.copy(larger, 0, 0, this.at)
    this.out = larger
  }
}

function varintLength(value: number): number {
  let octets = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) octets++
  return octets
}

/** A field of a message: a number, or octets that stand in the message. */
export interface ProtobufField {
  readonly field: number
  readonly value: number | Buffer
}

/**
 * The fields of a message, in order; of a fixed32 or fixed64 its octets. Ends, without an error, at what
 * is no field or is cut off.
 */
export function* protobufFields(message: Buffer): Generator<ProtobufField> {
  let at = 0
  /** -1: cut off, or more than a number holds. */
  const varint = (): number => {
    let value = 0
    for (let factor = 1; at < message.length && factor <= 2 ** 49; factor *= 128) {
      const octet = message[at++]!
      value += (octet & 0x7f) * factor
      if (octet < 0x80) return value
    }
    return -1
  }
  while (at < message.length) {
    const tag = varint()
    if (tag < 0) return
    const field = Math.floor(tag / 8)
    const kind = tag % 8
    if (kind === Wire.varint) {
      const value = varint()
      if (value < 0) return
      yield { field, value }
      continue
    }
    const length = lengthOf(kind, varint)
    if (length < 0 || at + length > message.length) return
    yield { field, value: message.subarray(at, at + length) }
    at += length
  }
}

/** -1: a kind that there is no more. */
function lengthOf(kind: number, varint: () => number): number {
  if (kind === Wire.octets) return varint()
  if (kind === Wire.fixed32) return 4
  return kind === Wire.fixed64 ? 8 : -1
}
