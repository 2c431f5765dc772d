import { HEADER_SIZE } from '../../wire/header.ts'
import { GrowingBytes, GrowingInts } from './growing.ts'
import type { NameKey } from './name-key.ts'

/** The records that a name can have. */
export const Kind = { A: 0, AAAA: 1, PTR: 2 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** A node is six numbers: those three, and the last record of each kind. */
const NodeAt = { Name: 0, Hash: 1, Next: 2, Last: 3 } as const
const NODE_SIZE = 6
/** A record is where its data lies, and the next record of its node: behind the last one comes the first. */
const RecordAt = { Data: 0, Next: 1 } as const

/**
 * Names and their records, reverse names included: some 70 octets for a line of a hosts file, in typed
 * arrays that never move. Nodes, records and data are known by their offsets; 0 is none.
 *
 *   buckets ──▶ node: name, hash ─▶ node …      a bucket more for each node more (linear hashing,
 *                 │                              Litwin 1980), so that no insertion rehashes the table
 *                 └ last A ─▶ first A ─▶ … ─▶ last A
 */
export class HostTable {
  /** Records in it. */
  entries = 0
  /** Names of wildcards in it. */
  wildcards = 0
  readonly #bytes = new GrowingBytes()
  readonly #nodes = new GrowingInts()
  readonly #records = new GrowingInts()
  readonly #buckets = new GrowingInts()

  constructor() {
    for (const list of [this.#bytes, this.#nodes, this.#records, this.#buckets]) list.push(0)
  }

  /** The node of a name, 0 where it has none. */
  find(key: NameKey): number {
    const nodes = this.#nodes
    let node = this.#buckets.at(this.#bucketOf(key.hash))
    while (node !== 0) {
      if (nodes.at(node + NodeAt.Hash) === key.hash && this.#isName(node, key)) return node
      node = nodes.at(node + NodeAt.Next)
    }
    return 0
  }

  /** The node of a name, made where there is none. */
  add(key: NameKey): number {
    const found = this.find(key)
    if (found !== 0) return found
    if (key.isWildcard) this.wildcards++
    const name = this.store(key.bytes, HEADER_SIZE, key.question.nameEnd)
    const nodes = this.#nodes
    const node = nodes.length
    const bucket = this.#bucketOf(key.hash)
    nodes.push(name)
    nodes.push(key.hash)
    nodes.push(this.#buckets.at(bucket))
    for (let i = NodeAt.Last; i < NODE_SIZE; i++) nodes.push(0)
    this.#buckets.set(bucket, node)
    this.#split()
    return node
  }

  /** Keeps `b[from…to)`, 255 octets at most, and returns where. */
  store(b: Uint8Array, from: number, to: number): number {
    return this.#bytes.append(b, from, to)
  }

  /** Gives a node one more record, behind those it has. `data` is what `store()` or `nameOf()` returned. */
  append(node: number, kind: Kind, data: number): void {
    const records = this.#records
    const record = records.length
    const last = this.#nodes.at(node + NodeAt.Last + kind)
    records.push(data)
    records.push(last === 0 ? record : records.at(last + RecordAt.Next))
    if (last !== 0) records.set(last + RecordAt.Next, record)
    this.#nodes.set(node + NodeAt.Last + kind, record)
    this.entries++
  }

  /** Where the name of a node lies. */
  nameOf(node: number): number {
    return this.#nodes.at(node + NodeAt.Name)
  }

  has(node: number, kind: Kind): boolean {
    return this.#nodes.at(node + NodeAt.Last + kind) !== 0
  }

  /** The first record of that kind, or the one after `record`; 0 where there is none. */
  next(node: number, kind: Kind, record: number): number {
    const last = this.#nodes.at(node + NodeAt.Last + kind)
    if (record === last) return 0
    return this.#records.at((record === 0 ? last : record) + RecordAt.Next)
  }

  /** Copies an address of `size` octets out of a record. */
  copyAddress(record: number, out: Uint8Array, size: number): void {
    this.#copy(this.#records.at(record + RecordAt.Data), out, size)
  }

  /** Copies a name in wire format out of a record. Returns its octets. */
  copyName(record: number, out: Uint8Array): number {
    const data = this.#records.at(record + RecordAt.Data)
    const page = this.#bytes.pageOf(data)
    const start = this.#bytes.offsetOf(data)
    let end = start
    while (page[end] !== 0) end += 1 + page[end]!
    const size = end + 1 - start
    this.#copy(data, out, size)
    return size
  }

  #copy(data: number, out: Uint8Array, size: number): void {
    const page = this.#bytes.pageOf(data)
    const start = this.#bytes.offsetOf(data)
    for (let i = 0; i < size; i++) out[i] = page[start + i]!
  }

  #isName(node: number, { bytes, question }: NameKey): boolean {
    const name = this.nameOf(node)
    const page = this.#bytes.pageOf(name)
    const shift = this.#bytes.offsetOf(name) - HEADER_SIZE
    // No name is the beginning of another one, so that the first octet that differs lies inside both.
    for (let i = HEADER_SIZE; i < question.nameEnd; i++) {
      if (page[i + shift] !== bytes[i]) return false
    }
    return true
  }

  #bucketOf(hash: number): number {
    const count = this.#buckets.length
    // All ones, at least as many as the last bucket has digits.
    const mask = count === 1 ? 0 : (1 << (32 - Math.clz32(count - 1))) - 1
    const bucket = hash & mask
    return bucket < count ? bucket : bucket & (mask >> 1)
  }

  /** Opens one more bucket, with those nodes of another one that belong there from now on. */
  #split(): void {
    const buckets = this.#buckets
    const nodes = this.#nodes
    const added = buckets.length
    const old = added & ((1 << (31 - Math.clz32(added))) - 1)
    buckets.push(0)
    let node = buckets.at(old)
    buckets.set(old, 0)
    while (node !== 0) {
      const next = nodes.at(node + NodeAt.Next)
      const bucket = this.#bucketOf(nodes.at(node + NodeAt.Hash))
      nodes.set(node + NodeAt.Next, buckets.at(bucket))
      buckets.set(bucket, node)
      node = next
    }
  }
}
