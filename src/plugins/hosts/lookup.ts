import type { Query } from '../../serve/query.ts'
import { addRecord } from '../../serve/reply-writer.ts'
import { Type } from '../../wire/codes.ts'
import { Section } from '../../wire/header.ts'
import { MAX_NAME } from '../../wire/name.ts'
import { type HostTable, Kind } from './host-table.ts'
import { NameKey } from './name-key.ts'

const types = { [Kind.A]: Type.A, [Kind.AAAA]: Type.AAAA, [Kind.PTR]: Type.PTR } as const

/** Scratch: serving is synchronous. */
const key = new NameKey()
const wildcardKey = new NameKey()
const ipv4 = new Uint8Array(4)
const ipv6 = new Uint8Array(16)
const name = new Uint8Array(MAX_NAME)

/** What one table has for a name. */
class Found {
  #table: HostTable | null = null
  #exact = 0
  #wildcard = 0

  /** Looks for the name in `key`. */
  look(table: HostTable): void {
    this.#table = table
    this.#exact = table.find(key)
    this.#wildcard =
      table.wildcards > 0 && wildcardKey.readWildcard(key) ? table.find(wildcardKey) : 0
  }

  /** The node with records of that kind, 0 for none: a wildcard stands in for what the name lacks. */
  node(kind: Kind): number {
    const table = this.#table!
    if (this.#exact !== 0 && table.has(this.#exact, kind)) return this.#exact
    return this.#wildcard !== 0 && table.has(this.#wildcard, kind) ? this.#wildcard : 0
  }

  /** Writes the records of that kind; false where the reply is full. */
  write(q: Query, kind: Kind, ttl: number): boolean {
    const table = this.#table!
    const node = this.node(kind)
    if (node === 0) return true
    for (let at = table.next(node, kind, 0); at !== 0; at = table.next(node, kind, at)) {
      const data = dataOf(table, kind, at)
      if (!addRecord(q, Section.Answer, null, types[kind], ttl, data)) return false
    }
    return true
  }
}

function dataOf(table: HostTable, kind: Kind, record: number): Uint8Array {
  if (kind === Kind.PTR) return name.subarray(0, table.copyName(record, name))
  const address = kind === Kind.A ? ipv4 : ipv6
  table.copyAddress(record, address, address.length)
  return address
}

/** What the file and then the Corefile have for the name that a query asks for. */
export class Lookup {
  readonly #file = new Found()
  readonly #inline = new Found()

  look({ wire, question }: Query, file: HostTable, inline: HostTable): void {
    key.readQuestion(wire, question)
    this.#file.look(file)
    this.#inline.look(inline)
  }

  has(kind: Kind): boolean {
    return this.#file.node(kind) !== 0 || this.#inline.node(kind) !== 0
  }

  /** Writes all records of that kind, as far as a message can hold them. */
  write(q: Query, kind: Kind, ttl: number): void {
    if (this.#file.write(q, kind, ttl)) this.#inline.write(q, kind, ttl)
  }
}
