import { Class, classFromName, Type, typeFromName, typeName } from '../codes.ts'
import { isSoundData } from '../rdata.ts'
import { hasSyntax, writeRdata } from './rdata.ts'
import { nameOctets, RdataWriter, readTtl } from './rdata-writer.ts'
import { recordWords, type Word } from './tokens.ts'

/** A record as octets. */
export interface PresentedRecord {
  /** In wire format, uncompressed. */
  readonly owner: Uint8Array
  readonly type: number
  readonly class: number
  /** Seconds. */
  readonly ttl: number
  readonly data: Uint8Array
}

/** Where a text names none, in seconds. As in miekg/dns. */
const DEFAULT_TTL = 3600

/**
 * Reads one resource record in zone-file syntax (RFC 1035 §5.1, RFC 3597 §5): owner, TTL and class in either
 * order or missing, type and data. Names are relative to the root. What follows the record is ignored. Null
 * where the text is empty but for comments; a string is what is wrong.
 */
export function parseRecord(text: string): PresentedRecord | string | null {
  const words = recordWords(text)
  if (typeof words === 'string') return `dns: ${words}`
  const [first] = words
  if (first === undefined) return null
  if (!first.quoted && /^\$[A-Za-z]+$/.test(first.text)) return bad('directive', first.text)
  const owner = nameOctets(first)
  if (owner === null) return bad('bad owner name', first.text)
  const head = readHead(words)
  if (typeof head === 'string') return head
  const { klass, next, ttl, type } = head
  const data = readData(words, next, type, klass)
  return typeof data === 'string' ? data : { owner, type, class: klass, ttl, data }
}

interface Head {
  readonly ttl: number
  readonly klass: number
  readonly type: number
  /** Of the first word of the data. */
  readonly next: number
}

/** TTL and class come in either order, once each; the type ends them. */
function readHead(words: readonly Word[]): Head | string {
  let ttl = -1
  let klass = -1
  for (let i = 1; i < words.length; i++) {
    const { quoted, text } = words[i]!
    if (quoted) return bad('expected a type', text)
    const cls = klass < 0 ? classFromName(text) : undefined
    if (cls !== undefined) {
      klass = cls
      continue
    }
    const seconds = ttl < 0 ? readTtl(text) : -1
    if (seconds >= 0) {
      ttl = seconds
      continue
    }
    const type = typeFromName(text)
    if (type === undefined || isMeta(type)) return bad('expected a type', text)
    return {
      ttl: ttl < 0 ? DEFAULT_TTL : ttl,
      klass: klass < 0 ? Class.IN : klass,
      type,
      next: i + 1,
    }
  }
  return bad('no type', words.at(-1)!.text)
}

/** Types that no record of a zone has: OPT, and those of questions and transactions (RFC 6895 §3.1). */
function isMeta(type: number): boolean {
  return type === Type.OPT || (type >= Type.TKEY && type <= Type.ANY)
}

function readData(
  words: readonly Word[],
  next: number,
  type: number,
  klass: number,
): Uint8Array | string {
  const rdata = new RdataWriter(words, next)
  const isGeneric = words[next]?.text === '\\#' && !words[next].quoted
  if (!isGeneric && !hasSyntax(type)) {
    return bad(`no syntax for ${typeName(type)} but \\# LENGTH HEX`, words[next]?.text ?? '')
  }
  if (isGeneric) readGeneric(rdata)
  else writeRdata(type, rdata)
  const data = rdata.finish()
  return data !== null && isSoundData(data, type, klass, 0, data.length)
    ? data
    : bad(`bad ${typeName(type)} data`, rdata.last)
}

/** `\# 4 0a000001`: the length is that of the data. */
function readGeneric(rdata: RdataWriter): void {
  rdata.word()
  const size = rdata.word().text
  if (!/^\d{1,5}$/.test(size)) rdata.isBad = true
  const hex = rdata.left > 0 ? rdata.rest() : ''
  const isRight = /^[\da-f]*$/i.test(hex) && hex.length === 2 * Number(size)
  rdata.add(isRight ? Buffer.from(hex, 'hex') : null)
}

/** Longest piece of the text that a message repeats. */
const MAX_SHOWN = 64

function bad(problem: string, word: string): string {
  return `dns: ${problem}: "${word.slice(0, MAX_SHOWN)}"`
}
