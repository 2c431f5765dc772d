import type { Libc } from './libc.ts'

/** sizeof(struct mmsghdr) and sizeof(struct iovec) on 64-bit Linux. */
export const HEADER_SIZE = 64
export const IOVEC_SIZE = 16
/** Room for a struct sockaddr_in6 (28 bytes), rounded up. */
const NAME_SIZE = 32

export const HEADER_WORDS: number = HEADER_SIZE / 4
export const IOVEC_WORDS: number = IOVEC_SIZE / 4
const NAME_WORDS = NAME_SIZE / 4

/** 32-bit words of a mmsghdr. Pointers and sizes are two words each, low word first. */
export const Header = {
  Name: 0,
  NameLength: 2,
  Iov: 4,
  IovLength: 6,
  Control: 8,
  ControlLength: 10,
  Flags: 12,
  Length: 14,
} as const
const Iovec = { Base: 0, Length: 2 } as const

/** Of a datagram that was longer than its buffer; in a call: tell its true length. */
export const MSG_TRUNC = 0x20

/** Never block. */
export const MSG_DONTWAIT = 0x40
/** A peer that is gone is an error, not a signal. */
export const MSG_NOSIGNAL = 0x4000

const WORD = 2 ** 32

/** Where the message buffers of a vector lie. */
export interface VectorLayout {
  /** Messages per call; at most 1,024, the kernel's limit. */
  readonly count: number
  /** Bytes from the start of a buffer to the start of the next one. */
  readonly stride: number
  /** Bytes of a buffer. Where it exceeds the stride, buffers overlap. */
  readonly size: number
}

/**
 * The messages of one recvmmsg or sendmmsg, laid out once; per packet only lengths change.
 *
 *     headers   | mmsghdr 0 | mmsghdr 1 | …        64 bytes each: name ─▶ names, iov ─▶ iovecs
 *     iovecs    | iovec 0   | iovec 1   | …        16 bytes each: base ─▶ buffers
 *     names     | sockaddr 0 | sockaddr 1 | …      32 bytes each
 *     buffers   | size │ …                         one each stride bytes
 *
 * A stride that is an odd multiple of 64 spreads the buffers over the sets of a processor's cache;
 * whole pages would make all of them compete for the same few lines.
 */
export class MessageVector {
  readonly count: number
  readonly stride: number
  /** Address of the first mmsghdr. */
  readonly address: number
  /** The message buffers and the socket addresses, as views of the native memory. */
  readonly buffers: readonly Buffer[]
  readonly names: readonly Buffer[]
  readonly #headers: Uint32Array
  readonly #iovecs: Uint32Array
  readonly #names: Uint32Array
  /** Addresses of the buffers, split into words. */
  readonly #bases: Uint32Array
  readonly #namesAddress: number
  #nameWords = 0

  constructor(libc: Libc, layout: VectorLayout) {
    const { count, stride, size } = layout
    this.count = count
    this.stride = stride
    const iovecsAt = count * HEADER_SIZE
    const namesAt = iovecsAt + count * IOVEC_SIZE
    const buffersAt = namesAt + count * NAME_SIZE
    const memory = libc.allocate(buffersAt + (count - 1) * stride + size)
    this.address = memory.address
    this.#namesAddress = memory.address + namesAt
    this.#headers = new Uint32Array(memory.bytes, 0, count * HEADER_WORDS)
    this.#iovecs = new Uint32Array(memory.bytes, iovecsAt, count * IOVEC_WORDS)
    this.#names = new Uint32Array(memory.bytes, namesAt, count * NAME_WORDS)
    this.#bases = new Uint32Array(count * 2)
    const view = (at: number, length: number): Buffer => Buffer.from(memory.bytes, at, length)
    const each = Array.from({ length: count }, (_, i) => i)
    this.names = each.map((i) => view(namesAt + i * NAME_SIZE, NAME_SIZE))
    this.buffers = each.map((i) => view(buffersAt + i * stride, size))
    for (const i of each) {
      const header = i * HEADER_WORDS
      setPointer(this.#headers, header + Header.Name, memory.address + namesAt + i * NAME_SIZE)
      setPointer(this.#headers, header + Header.Iov, memory.address + iovecsAt + i * IOVEC_SIZE)
      this.#headers[header + Header.IovLength] = 1
      setPointer(this.#bases, i * 2, memory.address + buffersAt + i * stride)
      this.point(i, i, size)
    }
  }

  /** Says how long the socket addresses are: 16 bytes for IPv4, 28 for IPv6. */
  setNameLength(bytes: number): void {
    this.#nameWords = bytes / 4
    for (let i = 0; i < this.count; i++) {
      this.#headers[i * HEADER_WORDS + Header.NameLength] = bytes
    }
  }

  /** Address of a message's mmsghdr. */
  addressOf(message: number): number {
    return this.address + message * HEADER_SIZE
  }

  /** Address of a message's socket address. */
  nameAddressOf(message: number): number {
    return this.#namesAddress + message * NAME_SIZE
  }

  /** Address of a message's content. */
  contentAddressOf(message: number): number {
    const base = message * IOVEC_WORDS + Iovec.Base
    return this.#iovecs[base]! + this.#iovecs[base + 1]! * WORD
  }

  /** Makes `length` bytes of buffer `buffer` the content of message `message`. */
  point(message: number, buffer: number, length: number): void {
    const iovec = message * IOVEC_WORDS
    this.#iovecs[iovec + Iovec.Base] = this.#bases[buffer * 2]!
    this.#iovecs[iovec + Iovec.Base + 1] = this.#bases[buffer * 2 + 1]!
    this.#iovecs[iovec + Iovec.Length] = length
  }

  /** Bytes a message sends, as `point()` said. */
  sizeOf(message: number): number {
    return this.#iovecs[message * IOVEC_WORDS + Iovec.Length]!
  }

  /** Copies a message's iovec to another list of them. */
  copyIovec(message: number, to: Uint32Array, at: number): void {
    const iovec = message * IOVEC_WORDS
    for (let i = 0; i < IOVEC_WORDS; i++) to[at + i] = this.#iovecs[iovec + i]!
  }

  /** Makes another mmsghdr point at a message's socket address. */
  pointAtName(message: number, headers: Uint32Array, header: number): void {
    const own = message * HEADER_WORDS
    for (let i = Header.Name; i <= Header.NameLength; i++) {
      headers[header + i] = this.#headers[own + i]!
    }
  }

  /** Whether two messages have the same socket address. */
  sameName(message: number, other: number): boolean {
    const a = message * NAME_WORDS
    const b = other * NAME_WORDS
    for (let i = 0; i < this.#nameWords; i++) {
      if (this.#names[a + i] !== this.#names[b + i]) return false
    }
    return true
  }

  /** A hash of a message's socket address: port and the end of the address. */
  nameHash(message: number): number {
    const at = message * NAME_WORDS
    const port = this.#names[at]! >>> 16
    const address = this.#names[at + (this.#nameWords > 4 ? 5 : 1)]!
    return (Math.imul(port ^ address ^ (address >>> 16), 0x9e37_79b1) >>> 16) | 0
  }

  /** Bytes received in a message; at most the buffer's size. */
  lengthOf(message: number): number {
    return this.#headers[message * HEADER_WORDS + Header.Length]!
  }

  /** Whether a received datagram was longer than its buffer. */
  isTruncated(message: number): boolean {
    return (this.#headers[message * HEADER_WORDS + Header.Flags]! & MSG_TRUNC) !== 0
  }

  /** Makes a message that of another one: socket address and content. */
  copyMessage(to: number, from: number): void {
    this.copyName(to, this, from)
    this.copyIovec(from, this.#iovecs, to * IOVEC_WORDS)
  }

  /** Copies the socket address of a message of another vector. */
  copyName(message: number, from: MessageVector, index: number): void {
    const to = message * NAME_WORDS
    const at = index * NAME_WORDS
    for (let i = 0; i < this.#nameWords; i++) this.#names[to + i] = from.#names[at + i]!
  }

  /** Copies a socket address from anywhere. */
  setName(message: number, name: Uint8Array): void {
    const to = this.names[message]!
    const bytes = this.#nameWords * 4
    for (let i = 0; i < bytes; i++) to[i] = name[i]!
  }
}

/** Writes a pointer as two words, the low one first. */
export function setPointer(words: Uint32Array, at: number, address: number): void {
  words[at] = address % WORD
  words[at + 1] = Math.floor(address / WORD)
}
