import type { Libc } from './libc.ts'
import {
  Header,
  HEADER_SIZE,
  HEADER_WORDS,
  IOVEC_SIZE,
  IOVEC_WORDS,
  type MessageVector,
  setPointer,
} from './mmsg.ts'

/** struct cmsghdr with the size of a segment (16 bits), rounded up to whole words. */
const CONTROL_SIZE = 24
const CONTROL_WORDS = CONTROL_SIZE / 4
const CONTROL_LENGTH = 18
const SOL_UDP = 17
const UDP_SEGMENT = 103

/** Longer segments could be longer than the path allows, which no message of several may be. */
const MAX_SEGMENT = 1232
/** The kernel's limit, as of the first that can do this. */
const MAX_SEGMENTS = 64
/** Largest payload of one message, whatever it is cut into. */
const MAX_BYTES = 65_000

const NONE = -1
/** A power of two, twice what a vector holds. */
const TABLE_SIZE = 128

/**
 * Messages of a vector put together for sendmmsg: those to one destination leave as one message that
 * the kernel cuts into datagrams as late as it can (UDP_SEGMENT, Linux 4.18). The way through the
 * network stack costs more than all our work on a reply, and is paid once: for the A and AAAA answers
 * of a resolver that asks for both at once, or for a busy client.
 *
 *     vector   | a 90 | b 70 | a 60 | a 90 |        destination and octets
 *     plan     | a: 90 90 60 | b: 70 |              segments of one length, the last may be shorter
 */
export class SegmentPlan {
  readonly #vector: MessageVector
  readonly #address: number
  readonly #iovecsAddress: number
  readonly #controlsAddress: number
  readonly #headers: Uint32Array
  readonly #iovecs: Uint32Array
  readonly #controls: Uint32Array
  readonly #table = new Int16Array(TABLE_SIZE)
  /** First message of each destination by its table entry, and the last. */
  readonly #head = new Int16Array(TABLE_SIZE)
  readonly #tail = new Int16Array(TABLE_SIZE)
  readonly #next: Int16Array
  readonly #previous: Int16Array
  /** Table entries in the order in which destinations appeared. */
  readonly #used = new Int16Array(TABLE_SIZE)
  /** Messages of the vector in the order of the plan, and where each planned message begins there. */
  readonly #order: Uint8Array
  readonly #first: Uint8Array

  constructor(libc: Libc, vector: MessageVector) {
    const { count } = vector
    this.#vector = vector
    const iovecsAt = count * HEADER_SIZE
    const controlsAt = iovecsAt + count * IOVEC_SIZE
    const { address, bytes } = libc.allocate(controlsAt + count * CONTROL_SIZE)
    this.#address = address
    this.#iovecsAddress = address + iovecsAt
    this.#controlsAddress = address + controlsAt
    this.#headers = new Uint32Array(bytes, 0, count * HEADER_WORDS)
    this.#iovecs = new Uint32Array(bytes, iovecsAt, count * IOVEC_WORDS)
    this.#controls = new Uint32Array(bytes, controlsAt, count * CONTROL_WORDS)
    for (let i = 0; i < count; i++) {
      this.#controls[i * CONTROL_WORDS] = CONTROL_LENGTH
      this.#controls[i * CONTROL_WORDS + 2] = SOL_UDP
      this.#controls[i * CONTROL_WORDS + 3] = UDP_SEGMENT
    }
    this.#table.fill(NONE)
    this.#next = new Int16Array(count)
    this.#previous = new Int16Array(count)
    this.#order = new Uint8Array(count)
    this.#first = new Uint8Array(count + 1)
  }

  /** Address of a planned message's mmsghdr. */
  addressOf(planned: number): number {
    return this.#address + planned * HEADER_SIZE
  }

  /** How many messages of the vector went into the planned ones before this one. */
  messagesBefore(planned: number): number {
    return this.#first[planned]!
  }

  /** The messages of the vector in the order of the plan. */
  messageAt(place: number): number {
    return this.#order[place]!
  }

  /** Plans messages 0 … `count` − 1 of the vector; returns how many planned messages they become. */
  make(count: number): number {
    const destinations = this.#group(count)
    let planned = 0
    let placed = 0
    for (let i = 0; i < destinations; i++) {
      const entry = this.#used[i]!
      this.#table[entry] = NONE
      let message = this.#head[entry]!
      while (message !== NONE) {
        const size = this.#vector.sizeOf(message)
        const most = size > MAX_SEGMENT ? 1 : Math.min(MAX_SEGMENTS, Math.floor(MAX_BYTES / size))
        this.#first[planned] = placed
        let last = size
        let segments = 0
        while (message !== NONE && last === size && segments < most) {
          last = this.#vector.sizeOf(message)
          this.#place(placed++, message)
          segments++
          message = this.#next[message]!
        }
        this.#describe(planned++, segments, size)
      }
    }
    this.#first[planned] = placed
    return planned
  }

  /** Lists the messages of each destination, the longest first. Returns how many destinations. */
  #group(count: number): number {
    let destinations = 0
    for (let message = 0; message < count; message++) {
      let entry = this.#vector.nameHash(message) & (TABLE_SIZE - 1)
      for (;;) {
        const other = this.#table[entry]!
        if (other === NONE || this.#vector.sameName(other, message)) break
        entry = (entry + 1) & (TABLE_SIZE - 1)
      }
      if (this.#table[entry] === NONE) {
        this.#table[entry] = message
        this.#used[destinations++] = entry
        this.#head[entry] = this.#tail[entry] = message
        this.#next[message] = this.#previous[message] = NONE
      } else this.#insert(entry, message)
    }
    return destinations
  }

  /** From the back: answers to one client are mostly of one length. */
  #insert(entry: number, message: number): void {
    const size = this.#vector.sizeOf(message)
    let before = this.#tail[entry]!
    while (before !== NONE && this.#vector.sizeOf(before) < size) before = this.#previous[before]!
    const after = before === NONE ? this.#head[entry]! : this.#next[before]!
    this.#previous[message] = before
    this.#next[message] = after
    if (before === NONE) this.#head[entry] = message
    else this.#next[before] = message
    if (after === NONE) this.#tail[entry] = message
    else this.#previous[after] = message
  }

  #place(at: number, message: number): void {
    this.#order[at] = message
    this.#vector.copyIovec(message, this.#iovecs, at * IOVEC_WORDS)
  }

  #describe(planned: number, segments: number, size: number): void {
    const header = planned * HEADER_WORDS
    const first = this.#first[planned]!
    const headers = this.#headers
    this.#vector.pointAtName(this.#order[first]!, headers, header)
    setPointer(headers, header + Header.Iov, this.#iovecsAddress + first * IOVEC_SIZE)
    headers[header + Header.IovLength] = segments
    if (segments === 1) {
      headers[header + Header.ControlLength] = 0
      return
    }
    this.#controls[planned * CONTROL_WORDS + 4] = size
    const control = this.#controlsAddress + planned * CONTROL_SIZE
    setPointer(headers, header + Header.Control, control)
    headers[header + Header.ControlLength] = CONTROL_SIZE
  }
}
