import { HEADER_SIZE } from '../../wire/header.ts'
import { MAX_LABEL } from '../../wire/name.ts'
import type { NameMatch } from './name-text.ts'
import { requiredText } from './required-text.ts'

const BACKSLASH = '\\'
/** A power of two: bits for the names of `exact` rules. */
const BITS = 8192
const MAX_WIRE = 256
/** With more of them to look for, remembering names is cheaper. */
const MAX_INFIXES = 4
const NAME_START = HEADER_SIZE + 1

/**
 * Octets as the sieve compares them: letters without case, and dots one with the lengths of labels, and so
 * with digits and hyphens. A name in presentation form and on the wire look alike then.
 */
const fold: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet <= MAX_LABEL ? 0x2e : octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
)

/**
 * Tells most names that no rule concerns by a glance at the wire: by the length and a few octets where a
 * rule is about one name, by the ends of the name where it is about prefixes and suffixes, by a text that
 * a pattern needs. Mistakes are made in one direction only: a name that passes may still match nothing.
 */
export class NameSieve {
  /** Where there is nothing to tell names by. */
  readonly #takesAll: boolean
  /** 1 for each length, on the wire, that an `exact` name has. */
  readonly #lengths = new Uint8Array(MAX_WIRE)
  readonly #bits = new Uint8Array(BITS)
  readonly #suffixes: readonly Uint8Array[]
  readonly #prefixes: readonly Uint8Array[]
  readonly #infixes: readonly Infix[]

  constructor(matches: readonly NameMatch[]) {
    const textsOf = (kind: string): string[] =>
      matches.filter((match) => match.kind === kind).map(({ text }) => text)
    const exact = textsOf('exact')
    const suffixes = textsOf('suffix').map(withoutLead)
    const prefixes = textsOf('prefix')
    const infixes = [...textsOf('substring'), ...textsOf('regex').map(requiredText)].map(
      withoutLead,
    )
    this.#takesAll =
      infixes.length > MAX_INFIXES ||
      infixes.includes('') ||
      [...exact, ...suffixes, ...prefixes, ...infixes].some((text) => text.includes(BACKSLASH))
    this.#suffixes = suffixes.map(folded)
    this.#prefixes = prefixes.map(folded)
    this.#infixes = infixes.map((text) => new Infix(folded(text)))
    for (const text of exact) this.#add(folded(text))
  }

  #add(text: Uint8Array): void {
    // The name on the wire has one octet more than its text: a length in front, the root for the last dot.
    const size = text.length + 1
    if (size >= MAX_WIRE) return
    const wire = new Uint8Array(HEADER_SIZE + size)
    wire.set(text, NAME_START)
    this.#lengths[size] = 1
    this.#bits[signature(wire, HEADER_SIZE + size)] = 1
  }

  /** Whether a rule may concern the question's name, which ends before `nameEnd` of the message `wire`. */
  mayMatch(wire: Uint8Array, nameEnd: number): boolean {
    if (this.#takesAll || nameEnd === NAME_START) return true
    if (this.#lengths[nameEnd - HEADER_SIZE] === 1 && this.#bits[signature(wire, nameEnd)] === 1) {
      return true
    }
    const suffixes = this.#suffixes
    for (let i = 0; i < suffixes.length; i++) if (endsWith(wire, nameEnd, suffixes[i]!)) return true
    const prefixes = this.#prefixes
    for (let i = 0; i < prefixes.length; i++) {
      if (startsWith(wire, nameEnd, prefixes[i]!)) return true
    }
    const infixes = this.#infixes
    for (let i = 0; i < infixes.length; i++) if (infixes[i]!.isIn(wire, nameEnd)) return true
    return false
  }
}

/** A text anywhere in a name, looked for by its last octet (Horspool): most of the name is not read. */
class Infix {
  readonly #text: Uint8Array
  /** How far the text may move on where this octet stands under its last one. */
  readonly #shift = new Uint8Array(256)

  constructor(text: Uint8Array) {
    const last = text.length - 1
    this.#text = text
    const shift = (octet: number): number => last - text.lastIndexOf(octet, last - 1)
    for (let octet = 0; octet < 256; octet++) {
      this.#shift[octet] = last === 0 ? 1 : Math.min(shift(fold[octet]!), text.length)
    }
  }

  isIn(wire: Uint8Array, nameEnd: number): boolean {
    const text = this.#text
    const shift = this.#shift
    const last = text.length - 1
    const lastOctet = text[last]!
    let at = NAME_START + last
    while (at < nameEnd) {
      const octet = wire[at]!
      if (fold[octet] === lastOctet && endsAt(wire, at, text)) return true
      at += shift[octet]!
    }
    return false
  }
}

function endsAt(wire: Uint8Array, end: number, text: Uint8Array): boolean {
  for (let i = text.length - 1, at = end; i >= 0; i--, at--) {
    if (text[i] !== fold[wire[at]!]) return false
  }
  return true
}

/** The text of an octet may be `\DDD`, and a match begin within. */
function withoutLead(text: string): string {
  return text.replace(/^\d+/, '')
}

function folded(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'), (octet) => fold[octet]!)
}

/** Of the name's length and four of its octets. */
function signature(wire: Uint8Array, nameEnd: number): number {
  const middle = (NAME_START + nameEnd) >>> 1
  const a = fold[wire[NAME_START]!]!
  const b = fold[wire[NAME_START + 1]!]!
  const c = fold[wire[(NAME_START + middle) >>> 1]!]!
  const d = fold[wire[middle]!]!
  return (Math.imul(a, 7919) + Math.imul(b, 613) + Math.imul(c, 97) + d * 31 + nameEnd) & (BITS - 1)
}

function endsWith(wire: Uint8Array, nameEnd: number, text: Uint8Array): boolean {
  for (let i = text.length - 1, at = nameEnd - 1; i >= 0; i--, at--) {
    if (at < NAME_START) return false
    if (text[i] !== fold[wire[at]!]) return false
  }
  return true
}

function startsWith(wire: Uint8Array, nameEnd: number, text: Uint8Array): boolean {
  for (let i = 0, at = NAME_START; i < text.length; i++, at++) {
    if (at >= nameEnd) return false
    if (text[i] !== fold[wire[at]!]) return false
  }
  return true
}
