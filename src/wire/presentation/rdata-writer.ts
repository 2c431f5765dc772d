import { write16, write32 } from '../bytes.ts'
import { MAX_NAME, textToName } from '../name.ts'
import { ipv4Octets, ipv6Octets } from './address.ts'
import { type Word, wordOctets } from './tokens.ts'

/** Octets of the longest data of a record. */
const MAX_RDATA = 0xffff
const MAX_STRING = 255
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

const name: Uint8Array = new Uint8Array(MAX_NAME)

/** Seconds as zone files have them, `3600` or `1h30m` (units are a habit of BIND's); −1 for anything else. */
export function readTtl(text: string): number {
  if (!/^(?:\d+[smhdwSMHDW]?)+$/.test(text) || text.length > 60) return -1
  let seconds = 0
  for (const [, digits, unit = 's'] of text.matchAll(/(\d+)([a-z])?/gi)) {
    seconds += Number(digits) * UNITS[unit.toLowerCase()]!
  }
  return seconds <= 0xffff_ffff ? seconds : -1
}

/**
 * Reads the words of a record's data, one field after the other, and collects their octets. What is no
 * such field makes `isBad` true, and nothing after that counts.
 */
export class RdataWriter {
  /** A field could not be read. */
  isBad = false
  readonly #words: readonly Word[]
  readonly #parts: Uint8Array[] = []
  #next = 0
  #size = 0

  /** @param words of the record; its data begins at `next` */
  constructor(words: readonly Word[], next: number) {
    this.#words = words
    this.#next = next
  }

  /** Words that are left. */
  get left(): number {
    return this.#words.length - this.#next
  }

  /** The word that was read last, for messages. */
  get last(): string {
    return this.#words[this.#next - 1]?.text ?? ''
  }

  /** The data, or null where a field is bad, or words or room are too many. */
  finish(): Uint8Array | null {
    return this.isBad || this.left > 0 || this.#size > MAX_RDATA ? null : Buffer.concat(this.#parts)
  }

  /** The next word; an empty one, and bad, where there is none. */
  word(): Word {
    const word = this.#words[this.#next++]
    if (word !== undefined) return word
    this.isBad = true
    return { text: '', quoted: false }
  }

  /** All words that are left, without what separates them. */
  rest(): string {
    if (this.left === 0) this.isBad = true
    let text = ''
    while (this.left > 0) text += this.word().text
    return text
  }

  /** Adds octets; null is a bad field. */
  add(octets: Uint8Array | null): void {
    if (octets === null) {
      this.isBad = true
      return
    }
    this.#parts.push(octets)
    this.#size += octets.length
  }

  /** A whole number of so many octets, in decimal. */
  number(octets: 1 | 2 | 4): void {
    this.integer(this.word().text, octets)
  }

  /** The same from a text that has been read. */
  integer(text: string, octets: 1 | 2 | 4): void {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : -1
    const bytes = new Uint8Array(4)
    write32(bytes, 0, value)
    this.add(value < 0 || value >= 2 ** (8 * octets) ? null : bytes.subarray(4 - octets))
  }

  /** A number of seconds, as SOA has them. */
  seconds(): void {
    const value = readTtl(this.word().text)
    const bytes = new Uint8Array(4)
    write32(bytes, 0, value)
    this.add(value < 0 ? null : bytes)
  }

  /** A name, relative to the root. */
  name(): void {
    this.add(nameOctets(this.word()))
  }

  ipv4(): void {
    this.add(ipv4Octets(this.word().text))
  }

  ipv6(): void {
    this.add(ipv6Octets(this.word().text))
  }

  /** A character-string: 255 octets at most (RFC 1035 §3.3). */
  string(): void {
    const octets = wordOctets(this.word().text)
    this.add(octets === null || octets.length > MAX_STRING ? null : counted(octets))
  }

  /** All strings that are left, one at least; what is longer than 255 octets is cut into several. */
  strings(): void {
    do {
      const octets = wordOctets(this.word().text)
      if (octets === null) this.add(null)
      else {
        let at = 0
        do {
          this.add(counted(octets.subarray(at, at + MAX_STRING)))
          at += MAX_STRING
        } while (at < octets.length)
      }
    } while (this.left > 0)
  }

  /** A string that fills the rest of the data. */
  text(): void {
    this.add(wordOctets(this.word().text))
  }

  /** The rest in hexadecimal, spaces allowed. */
  hex(): void {
    const text = this.rest()
    const isHex = /^(?:[\da-fA-F]{2})*$/.test(text)
    this.add(isHex ? Buffer.from(text, 'hex') : null)
  }

  /** The rest in base64, spaces allowed. */
  base64(): void {
    this.add(base64Octets(this.rest()))
  }
}

/** The octets of a base64 text, or null. */
export function base64Octets(text: string): Uint8Array | null {
  const isWhole = text.length % 4 === 0 && /^[\w+/]*={0,2}$/.test(text) && !text.includes('_')
  return isWhole ? Buffer.from(text, 'base64') : null
}

/**
 * A name of a zone file in wire format, relative to the root; `@` is the root. What is not ASCII stands for
 * its octets in UTF-8. Null where it is none.
 */
export function nameOctets({ quoted, text }: Word): Uint8Array | null {
  const ascii = text.replace(/[^\0-\x7f]/gu, (c) => escapes(Buffer.from(c)))
  const end = quoted ? -1 : textToName(ascii === '@' ? '.' : ascii, name, 0)
  return end < 0 ? null : name.slice(0, end)
}

function escapes(octets: Uint8Array): string {
  return Array.from(octets, (octet) => `\\${octet}`).join('')
}

/** A character-string: its length, then its octets. */
export function counted(octets: Uint8Array): Uint8Array {
  const out = new Uint8Array(octets.length + 1)
  out[0] = octets.length
  out.set(octets, 1)
  return out
}

/** Two octets. */
export function word16(value: number): Uint8Array {
  const out = new Uint8Array(2)
  write16(out, 0, value)
  return out
}
