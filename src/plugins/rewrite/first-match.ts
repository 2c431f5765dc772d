import type { Query } from '../../serve/query.ts'
import { HEADER_SIZE } from '../../wire/header.ts'
import { nameText } from '../../wire/question.ts'
import type { Rule } from './draft.ts'
import { NameSieve } from './name-sieve.ts'

/** A power of two. */
const SLOTS = 1024
const NAME_ROOM = 256
/** Octets of a name that its slot depends on: all of the first label or two, of the rest each fourth. */
const DENSE = 16
const STEP = 4
/** Beyond the last rule: there is none for the name. */
export const NONE: number = 0x7fffffff

/**
 * Names asked for lately, and where the rules of which list begin to concern them: one table for all blocks,
 * 264 kB, made by the first that has rules about names. A name that comes again is compared with one of
 * these in place of all rules; one of a flood of others takes its slot and costs nothing else. Spellings are
 * told apart.
 */
class Memo {
  readonly lists: Uint32Array = new Uint32Array(SLOTS)
  readonly firsts: Int32Array = new Int32Array(SLOTS)
  readonly names: Uint8Array = new Uint8Array(SLOTS * NAME_ROOM)
}

let memo: Memo | null = null
let lists = 0

/** Finds the first rule of a list whose names include that of a query. */
export class FirstMatch {
  /** Number of the list; none has 0. */
  readonly #list = ++lists
  readonly #memo: Memo
  readonly #sieve: NameSieve
  /** Of rules with `exact` names, the first for each name. */
  readonly #exact = new Map<string, number>()
  /** Places of the other rules about names, in order. */
  readonly #others: readonly number[]
  readonly #rules: readonly Rule[]

  constructor(rules: readonly Rule[]) {
    memo ??= new Memo()
    this.#memo = memo
    this.#rules = rules
    this.#sieve = new NameSieve(rules.flatMap(({ match }) => match ?? []))
    const others: number[] = []
    for (const [place, { match }] of rules.entries()) {
      if (match === null) continue
      if (match.kind !== 'exact') others.push(place)
      else if (!this.#exact.has(match.text)) this.#exact.set(match.text, place)
    }
    this.#others = others
  }

  /** The place of that rule, or NONE. */
  find(q: Query): number {
    return this.#sieve.mayMatch(q.wire, q.question.nameEnd) ? this.#recall(q) : NONE
  }

  #recall(q: Query): number {
    const { firsts, lists: owners, names } = this.#memo
    const { wire } = q
    const { nameEnd } = q.question
    const slot = slotOf(this.#list, wire, nameEnd)
    const shift = slot * NAME_ROOM - HEADER_SIZE
    if (owners[slot] === this.#list) {
      let i = HEADER_SIZE
      while (i < nameEnd && wire[i] === names[i + shift]) i++
      if (i === nameEnd) return firsts[slot]!
    }
    const first = this.#search(nameText(wire, q.question, true))
    owners[slot] = this.#list
    firsts[slot] = first
    for (let i = HEADER_SIZE; i < nameEnd; i++) names[i + shift] = wire[i]!
    return first
  }

  #search(name: string): number {
    const exact = this.#exact.get(name) ?? NONE
    for (const place of this.#others) {
      if (place > exact) break
      if (this.#rules[place]!.match!.test(name)) return place
    }
    return exact
  }
}

function slotOf(list: number, wire: Uint8Array, nameEnd: number): number {
  let hash = list + nameEnd
  const dense = Math.min(nameEnd, HEADER_SIZE + DENSE)
  let i = HEADER_SIZE
  while (i < dense) hash = Math.imul(hash, 31) + wire[i++]!
  for (; i < nameEnd; i += STEP) hash = Math.imul(hash, 31) + wire[i]!
  return (hash ^ (hash >>> 15)) & (SLOTS - 1)
}
