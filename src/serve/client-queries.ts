import { AddressSet, type Network } from '../lib/address-set.ts'
import { addressWord, hasIPv6Address } from './client-place.ts'
import type { Query } from './query.ts'

/** Where a client is, as far as the node's own addresses and routes tell. */
export const Source = { Pods: 0, Node: 1, Others: 2 } as const
export type Source = (typeof Source)[keyof typeof Source]

/** By Source. */
export const sourceNames = ['pods', 'node', 'others'] as const

/** What tells clients apart. */
export interface ClientNetworks {
  /** The machine's own addresses; those of the loopback interface belong to them in any case. */
  readonly node: readonly Network[]
  /** What lies behind interfaces of the node that are no uplinks. */
  readonly pods: readonly Network[]
}

/** The third word of `::ffff:0:0/96`: IPv4 addresses are kept in their IPv6 form. */
const MAPPED = 0xffff
/** Clients that are counted each by itself: pods of a node are 110 as a rule, 256 at most. */
const SLOT_BITS = 9
const SLOTS = 1 << SLOT_BITS
const WORDS = 4

const loopback: readonly Network[] = [
  { bytes: Uint8Array.of(127, 0, 0, 0), length: 8 },
  { bytes: Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0)), length: 128 },
]

/**
 * Counts queries by where their clients are. A query costs the look-up of its address in a table; what an
 * address is, is asked when somebody reads the counters, or when another address takes its slot.
 *
 *     slot    lowest bits of the address
 *     keys    | 4 words of the address | …       counts    queries since they were last sorted
 *
 * An address that came after the last look at the networks is sorted after the next, but for the loopback
 * interface's: the route to a pod is as young as the pod.
 */
export class ClientQueries {
  /** Told of an address that no slot has: the networks may have changed. Null: nobody follows them. */
  newcomer: (() => void) | null = null
  readonly #keys = new Int32Array(SLOTS * WORDS)
  readonly #counts = new Float64Array(SLOTS)
  /** Whether the address has come since the last look at the networks. */
  readonly #isNew = new Uint8Array(SLOTS)
  readonly #sorted = new Float64Array(sourceNames.length)
  /** `Clock.now` of the last query; an array, whose elements are numbers without an object each. */
  readonly #lastAt = new Float64Array(1).fill(-Infinity)
  readonly #address = new Uint8Array(4 * WORDS)
  #node = new AddressSet(loopback)
  #pods = new AddressSet([])

  /** Counts a query of a client, whatever became of it; the daemon's own questions are none. Allocates nothing. */
  count(q: Query): void {
    if (q.own || q.depth > 0) return
    this.#lastAt[0] = q.receivedAt
    const c = q.client
    if (hasIPv6Address(c))
      this.#add(addressWord(c, 8), addressWord(c, 12), addressWord(c, 16), addressWord(c, 20))
    else this.#add(0, 0, MAPPED, addressWord(c, 4))
  }

  /** `Clock.now` when the last of them was received; null before the first. */
  get lastAt(): number | null {
    return this.#lastAt[0] === -Infinity ? null : this.#lastAt[0]!
  }

  /** All queries of clients so far. */
  get total(): number {
    return sum(this.#sorted) + sum(this.#counts)
  }

  /** The same by Source; those of clients that have just come are told a little later. */
  bySource(): readonly number[] {
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.#counts[slot]! > 0 && !this.#waits(slot)) this.#sort(slot)
    }
    if (this.#isNew.includes(1)) this.newcomer?.()
    return Array.from(this.#sorted)
  }

  /** What the networks are from now on. */
  setNetworks({ node, pods }: ClientNetworks): void {
    this.#node = new AddressSet([...loopback, ...node])
    this.#pods = new AddressSet(pods)
    this.#isNew.fill(0)
  }

  #add(first: number, second: number, third: number, fourth: number): void {
    const keys = this.#keys
    const slot = (third ^ fourth ^ (fourth >>> SLOT_BITS)) & (SLOTS - 1)
    const at = slot * WORDS
    if (
      keys[at + 3] !== fourth ||
      keys[at + 2] !== third ||
      keys[at + 1] !== second ||
      keys[at] !== first
    ) {
      this.#sort(slot)
      keys[at] = first
      keys[at + 1] = second
      keys[at + 2] = third
      keys[at + 3] = fourth
      const isKnown = isLoopback(first, second, third, fourth)
      this.#isNew[slot] = isKnown ? 0 : 1
      if (!isKnown) this.newcomer?.()
    }
    this.#counts[slot]!++
  }

  #waits(slot: number): boolean {
    return this.#isNew[slot] === 1 && this.newcomer !== null
  }

  #sort(slot: number): void {
    const count = this.#counts[slot]!
    if (count === 0) return
    this.#sorted[this.#sourceOf(slot)]! += count
    this.#counts[slot] = 0
  }

  #sourceOf(slot: number): Source {
    const address = this.#address
    for (let i = 0; i < address.length; i++) {
      address[i] = this.#keys[slot * WORDS + (i >> 2)]! >>> (24 - 8 * (i & 3))
    }
    if (this.#node.has(address, 0, address.length)) return Source.Node
    return this.#pods.has(address, 0, address.length) ? Source.Pods : Source.Others
  }
}

/** Those of the process. */
export const clientQueries: ClientQueries = new ClientQueries()

/** Whether four words are an address of the loopback interface, which is the node's whatever else is. */
function isLoopback(first: number, second: number, third: number, fourth: number): boolean {
  if (first !== 0 || second !== 0) return false
  return third === MAPPED ? fourth >>> 24 === 127 : third === 0 && fourth === 1
}

function sum(values: Float64Array): number {
  let all = 0
  for (const value of values) all += value
  return all
}
