import { Outcome, Protocol, type Query } from '../../serve/query.ts'
import { AF_INET6, ipText } from '../../sys/sockaddr.ts'
import { lowerCase } from '../../wire/bytes.ts'
import { rcodeName, typeName } from '../../wire/codes.ts'
import { HEADER_SIZE } from '../../wire/header.ts'
import { nameToText } from '../../wire/name.ts'
import type { SeenQuery } from '../api.ts'
import { DROPPED_TEXT, KEPT_QUERIES, type QueryFilter } from './query-filter.ts'

/** Octets of their names: fewer queries are remembered where these, once for each pair of A and AAAA, need more. */
const NAME_BYTES = 2 ** 17
/** Different names of plugins or upstreams; those that come later are not told. */
const MOST_TEXTS = 2 ** 16
/** Of a socket address. */
const CLIENT_SIZE = 28
/** Of an IPv6 address; one of IPv4 has the first four of them. */
const ADDRESS_SIZE = 16
/** In place of an rcode. */
const DROPPED = 0xffff
const TCP = 1
const IPV6 = 2
const STALE = 4

/**
 * The last queries, in memory that does not grow. Names stay in wire format, lower case, until
 * somebody reads them.
 *
 *     records    | query n | n+1 | … | n−1 |     arrays of a field each; the oldest is overwritten
 *     names      …oldest│ free │newest…          a ring of octets; places count on, so that one that
 *                                                has been overwritten is known by its distance
 */
export class RecentQueries {
  #count = 0
  readonly #times = new Float64Array(KEPT_QUERIES)
  readonly #microseconds = new Uint32Array(KEPT_QUERIES)
  readonly #clients = Buffer.alloc(KEPT_QUERIES * ADDRESS_SIZE)
  readonly #types = new Uint16Array(KEPT_QUERIES)
  readonly #rcodes = new Uint16Array(KEPT_QUERIES)
  /** `TCP`, `IPV6` and `STALE`. */
  readonly #flags = new Uint8Array(KEPT_QUERIES)
  /** Numbers of `#texts`. */
  readonly #plugins = new Uint16Array(KEPT_QUERIES)
  readonly #upstreams = new Uint16Array(KEPT_QUERIES)
  readonly #texts = new Texts()
  readonly #names = Buffer.alloc(NAME_BYTES)
  readonly #nameSizes = new Uint8Array(KEPT_QUERIES)
  readonly #namePlaces = new Float64Array(KEPT_QUERIES)
  /** Where the next name goes, counted from the beginning of time. */
  #place = 0

  /**
   * Remembers a query that is over. Allocates nothing.
   *
   * @param at Unix time in milliseconds
   * @param milliseconds how long it took
   */
  add(q: Query, at: number, milliseconds: number): void {
    const i = this.#count++ % KEPT_QUERIES
    this.#times[i] = at
    this.#microseconds[i] = Math.round(milliseconds * 1000)
    const { client, question } = q
    const isIPv6 = client[0] === AF_INET6
    const from = isIPv6 ? 8 : 4
    const size = isIPv6 ? ADDRESS_SIZE : 4
    for (let k = 0; k < size; k++) this.#clients[i * ADDRESS_SIZE + k] = client[from + k] ?? 0
    this.#types[i] = question.type
    this.#rcodes[i] = q.outcome === Outcome.Drop ? DROPPED : q.rcode
    const isTcp = q.target.protocol === Protocol.Tcp
    this.#flags[i] = (isTcp ? TCP : 0) | (isIPv6 ? IPV6 : 0) | (q.isStale ? STALE : 0)
    this.#plugins[i] = this.#texts.numberOf(q.answeredBy)
    this.#upstreams[i] = this.#texts.numberOf(q.upstream)
    this.#addName(i, q.wire, Math.max(0, question.nameEnd - HEADER_SIZE))
  }

  #addName(i: number, wire: Uint8Array, size: number): void {
    const before = (i + KEPT_QUERIES - 1) % KEPT_QUERIES
    this.#nameSizes[i] = size
    if (this.#hasName(before, wire, size)) {
      this.#namePlaces[i] = this.#namePlaces[before]!
      return
    }
    // A name lies in one piece.
    const offset = this.#place % NAME_BYTES
    if (offset + size > NAME_BYTES) this.#place += NAME_BYTES - offset
    const at = this.#place % NAME_BYTES
    for (let k = 0; k < size; k++) this.#names[at + k] = lowerCase[wire[HEADER_SIZE + k]!]!
    this.#namePlaces[i] = this.#place
    this.#place += size
  }

  #hasName(i: number, wire: Uint8Array, size: number): boolean {
    if (this.#nameSizes[i] !== size) return false
    const at = this.#namePlaces[i]! % NAME_BYTES
    for (let k = 0; k < size; k++) {
      if (this.#names[at + k] !== lowerCase[wire[HEADER_SIZE + k]!]) return false
    }
    return true
  }

  /**
   * Those that the filter lets through, the newest first, and null for each one that it does not: four thousand
   * take 12 ms, so that who reads them may pause. What is overwritten meanwhile is left out.
   *
   * @param podOf `namespace/pod` of an address, or ''
   */
  *read(filter: QueryFilter, podOf: (address: string) => string): Generator<SeenQuery | null> {
    let left = filter.limit
    for (let n = this.#count - 1; left > 0 && n >= 0 && n >= this.#count - KEPT_QUERIES; n--) {
      const i = n % KEPT_QUERIES
      if (this.#namePlaces[i]! < this.#place - NAME_BYTES) return
      const passes = this.#passes(i, filter)
      if (passes) left--
      yield passes ? this.#shown(i, podOf) : null
    }
  }

  #passes(i: number, { client, rcode, slower, suffix, wanted }: QueryFilter): boolean {
    const took = this.#microseconds[i]!
    if (took < slower * 1000) return false
    const found = rcodeText(this.#rcodes[i]!)
    if (rcode !== null && found !== rcode) return false
    if (wanted !== null && !wanted(found, took / 1000)) return false
    if (client !== null && this.#clientAt(i) !== client) return false
    return suffix === null || endsWith(this.#nameAt(i), suffix)
  }

  #shown(i: number, podOf: (address: string) => string): SeenQuery {
    const client = this.#clientAt(i)
    const name = this.#nameAt(i)
    return {
      at: new Date(this.#times[i]!).toISOString(),
      client,
      pod: podOf(client),
      protocol: (this.#flags[i]! & TCP) !== 0 ? 'tcp' : 'udp',
      name: wireText(name),
      type: name.length === 0 ? '' : typeName(this.#types[i]!),
      rcode: rcodeText(this.#rcodes[i]!),
      milliseconds: this.#microseconds[i]! / 1000,
      plugin: this.#texts.at(this.#plugins[i]!),
      isStale: (this.#flags[i]! & STALE) !== 0,
      upstream: this.#texts.at(this.#upstreams[i]!),
    }
  }

  #clientAt(i: number): string {
    const size = (this.#flags[i]! & IPV6) !== 0 ? ADDRESS_SIZE : 4
    return ipText(this.#clients.subarray(i * ADDRESS_SIZE, i * ADDRESS_SIZE + size))
  }

  #nameAt(i: number): Buffer {
    const at = this.#namePlaces[i]! % NAME_BYTES
    return this.#names.subarray(at, at + this.#nameSizes[i]!)
  }
}

/** A number for each of a few texts that many queries have in common. */
class Texts {
  readonly #all = ['']
  readonly #numbers = new Map([['', 0]])

  numberOf(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    if (this.#all.length === MOST_TEXTS) return 0
    const number = this.#all.push(text) - 1
    this.#numbers.set(text, number)
    return number
  }

  at(number: number): string {
    return this.#all[number]!
  }
}

/** A name of the wire, at offset 0, in presentation format; '' where there is none. */
export function wireText(name: Uint8Array): string {
  return nameToText(name, 0, name.length) ?? ''
}

/** Octets of a client's address that tell it from others: without its port. Returns how many were written. */
export function writeClientKey(client: Uint8Array, out: Uint8Array): number {
  const isIPv6 = client[0] === AF_INET6
  const size = isIPv6 ? CLIENT_SIZE : 8
  out.fill(0, 0, size)
  out[0] = client[0] ?? 0
  const from = isIPv6 ? 8 : 4
  for (let k = from; k < size; k++) out[k] = client[k] ?? 0
  return size
}

function rcodeText(rcode: number): string {
  return rcode === DROPPED ? DROPPED_TEXT : rcodeName(rcode)
}

/** Whether a wire name is the suffix or below it. */
function endsWith(name: Uint8Array, suffix: Uint8Array): boolean {
  let at = 0
  while (name.length - at > suffix.length) at += 1 + name[at]!
  return name.length - at === suffix.length && suffix.every((octet, k) => name[at + k] === octet)
}
