import { lowerCase } from '../wire/bytes.ts'
import { Type } from '../wire/codes.ts'
import { textToName } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'

interface Entry<T> {
  /** The zone's name in wire format, lower case. */
  readonly name: Uint8Array
  readonly value: T
}

/**
 * Finds the longest zone that contains a name, by hashing suffixes from the root inwards:
 *
 *   www.example.cluster.local.   hash(local.) → hash(cluster.local.) → … as deep as any zone goes
 *
 * No string is made and nothing is allocated: the hash of a suffix extends the hash of the shorter
 * one, so a look-up reads each byte of the deepest candidate once.
 */
export class ZoneTable<T> {
  /** Null where no zone but the root was added, as in most tables, of which there may be thousands. */
  #byHash: Map<number, Entry<T>[]> | null = null
  #root: Entry<T> | null = null
  #depth = 0

  /** @param zone presentation format, normalised: lower case with a final dot */
  add(zone: string, value: T): void {
    const name = new Uint8Array(256)
    const end = textToName(zone, name, 0)
    if (end < 0) throw new RangeError(`Cannot add zone "${zone}": not a domain name`)
    const entry = { name: name.slice(0, end), value }
    if (end === 1) {
      this.#root = entry
      return
    }
    const starts = labelStarts(entry.name)
    let hash = HASH_SEED
    for (let i = starts.length - 1; i >= 0; i--) hash = hashLabel(hash, entry.name, starts[i]!)
    this.#byHash ??= new Map<number, Entry<T>[]>()
    const list = this.#byHash.get(hash)
    if (list === undefined) this.#byHash.set(hash, [entry])
    else list.push(entry)
    this.#depth = Math.max(this.#depth, starts.length)
  }

  /** True where no zone has been added. */
  get empty(): boolean {
    return this.#root === null && this.#byHash === null
  }

  get hasRoot(): boolean {
    return this.#root !== null
  }

  /**
   * The value of the longest zone that contains the name. DS belongs to the parent side of a zone
   * cut (RFC 4035 §3.1.4.1), so for DS the shortest zone but the root is preferred, where there are cuts.
   */
  find(wire: Uint8Array, question: Question, hasCuts: boolean = true): T | undefined {
    let best = this.#root
    const deepest = question.labelCount
    const shallowest = Math.max(0, deepest - this.#depth)
    let hash = HASH_SEED
    for (let i = deepest - 1; i >= shallowest; i--) {
      const start = question.labels[i]!
      hash = hashLabel(hash, wire, start)
      const found = this.#match(hash, wire, start)
      if (found === null) continue
      best = found
      if (hasCuts && question.type === Type.DS) break
    }
    return best?.value
  }

  /** Appends the values of all zones that contain the name, the shortest first. */
  findAll(wire: Uint8Array, question: Question, found: T[]): void {
    if (this.#root !== null) found.push(this.#root.value)
    const deepest = question.labelCount
    const shallowest = Math.max(0, deepest - this.#depth)
    let hash = HASH_SEED
    for (let i = deepest - 1; i >= shallowest; i--) {
      const start = question.labels[i]!
      hash = hashLabel(hash, wire, start)
      const entry = this.#match(hash, wire, start)
      if (entry !== null) found.push(entry.value)
    }
  }

  #match(hash: number, wire: Uint8Array, start: number): Entry<T> | null {
    const list = this.#byHash?.get(hash)
    if (list === undefined) return null
    for (const entry of list) {
      if (sameName(wire, start, entry.name)) return entry
    }
    return null
  }
}

/** A table of zones that are all alike. */
export function zoneTable(zones: readonly string[]): ZoneTable<true> {
  const table = new ZoneTable<true>()
  for (const zone of zones) table.add(zone, true)
  return table
}

const HASH_SEED = 17

/** Extends the hash of a parent name by one label, ASCII case folded (RFC 4343). */
function hashLabel(hash: number, bytes: Uint8Array, start: number): number {
  const end = start + 1 + bytes[start]!
  let h = hash
  for (let i = start; i < end; i++) h = (Math.imul(h, 31) + lowerCase[bytes[i]!]!) | 0
  return h
}

/** Compares up to the root of `name`, which no other name has in the same place. */
function sameName(wire: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (lowerCase[wire[start + i]!] !== name[i]) return false
  return true
}

function labelStarts(name: Uint8Array): number[] {
  const starts = []
  for (let at = 0; name[at] !== 0; at += 1 + name[at]!) starts.push(at)
  return starts
}
