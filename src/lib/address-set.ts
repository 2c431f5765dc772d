/** A network: its address, 4 or 16 octets with the host bits clear, and how many bits count. */
export interface Network {
  readonly bytes: Uint8Array
  readonly length: number
}

const IPV4_SIZE = 4
const WORDS = 4
/** The bits of `::ffff:0:0/96`, below which IPv4 addresses stand as IPv6 ones. */
const MAPPED_BITS = 96
const MAPPED_WORD = 0xffff

/**
 * IP networks as one set, asked by octets of an address: no text, no allocation. IPv4 and IPv4-mapped
 * IPv6 addresses are the same (RFC 4291 §2.5.5.2).
 *
 *     10.0.0.0/8   10.1.0.0/16   192.0.2.7/32        two networks are apart, or one holds the other:
 *     └─ start, mask ┘ └ dropped ┘                   the outer ones, sorted, need one binary search
 */
export class AddressSet {
  readonly #v4: Networks
  readonly #v6: Networks

  constructor(networks: Iterable<Network>) {
    const v4: Network[] = []
    const v6: Network[] = []
    for (const network of networks) {
      if (network.bytes.length === IPV4_SIZE) v4.push(network)
      else if (isMapped(network)) {
        v4.push({ bytes: network.bytes.subarray(12), length: network.length - MAPPED_BITS })
      } else v6.push(network)
    }
    this.#v4 = new Networks(v4, 1)
    this.#v6 = new Networks(v6, WORDS)
  }

  /** Whether the set holds the address of `size` octets, 4 or 16, that stands at `at`. */
  has(b: Uint8Array, at: number, size: number): boolean {
    if (size === IPV4_SIZE) return this.#v4.has(word(b, at), 0, 0, 0)
    const first = word(b, at)
    const second = word(b, at + 4)
    const third = word(b, at + 8)
    const fourth = word(b, at + 12)
    if (first === 0 && second === 0 && third === MAPPED_WORD) return this.#v4.has(fourth, 0, 0, 0)
    return this.#v6.has(first, second, third, fourth)
  }
}

function isMapped({ bytes, length }: Network): boolean {
  return (
    length >= MAPPED_BITS &&
    word(bytes, 0) === 0 &&
    word(bytes, 4) === 0 &&
    word(bytes, 8) === MAPPED_WORD
  )
}

/** Networks of one family, as words of 32 bits. */
class Networks {
  readonly #starts: Uint32Array
  readonly #masks: Uint32Array
  readonly #count: number
  readonly #words: number

  constructor(networks: readonly Network[], words: number) {
    const outer: Network[] = []
    for (const network of networks.toSorted(byStart)) {
      const last = outer.at(-1)
      if (last === undefined || !holds(last, network)) outer.push(network)
    }
    this.#count = outer.length
    this.#words = words
    this.#starts = new Uint32Array(words * outer.length)
    this.#masks = new Uint32Array(words * outer.length)
    for (const [i, { bytes, length }] of outer.entries()) {
      for (let w = 0; w < words; w++) {
        this.#starts[i * words + w] = word(bytes, 4 * w)
        this.#masks[i * words + w] = maskOf(length - 32 * w)
      }
    }
  }

  /** An IPv4 address is the first word. */
  has(first: number, second: number, third: number, fourth: number): boolean {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#startsAfter(middle, first, second, third, fourth)) high = middle
      else low = middle + 1
    }
    return low > 0 && this.#contains(low - 1, first, second, third, fourth)
  }

  #startsAfter(i: number, first: number, second: number, third: number, fourth: number): boolean {
    const starts = this.#starts
    const at = i * this.#words
    if (this.#words === 1 || starts[at] !== first) return starts[at]! > first
    if (starts[at + 1] !== second) return starts[at + 1]! > second
    return starts[at + 2] === third ? starts[at + 3]! > fourth : starts[at + 2]! > third
  }

  #contains(i: number, first: number, second: number, third: number, fourth: number): boolean {
    const starts = this.#starts
    const masks = this.#masks
    const at = i * this.#words
    if (((first ^ starts[at]!) & masks[at]!) !== 0) return false
    if (this.#words === 1) return true
    return (
      ((second ^ starts[at + 1]!) & masks[at + 1]!) === 0 &&
      ((third ^ starts[at + 2]!) & masks[at + 2]!) === 0 &&
      ((fourth ^ starts[at + 3]!) & masks[at + 3]!) === 0
    )
  }
}

function byStart(a: Network, b: Network): number {
  return Buffer.compare(a.bytes, b.bytes) || a.length - b.length
}

/** Whether the inner network, which starts no earlier, lies in the outer one. */
function holds(outer: Network, inner: Network): boolean {
  if (outer.length > inner.length) return false
  for (let i = 0; 8 * i < outer.length; i++) {
    const mask = 0xff00 >>> Math.min(outer.length - 8 * i, 8)
    if (((outer.bytes[i]! ^ inner.bytes[i]!) & mask & 0xff) !== 0) return false
  }
  return true
}

/** A word whose first `bits` bits are set; all of them beyond 32, none below 1. */
function maskOf(bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? 0xffffffff : ~(0xffffffff >>> bits)
}

/** Big-endian, unsigned. */
function word(b: Uint8Array, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0
}
