import { lowerCase } from './bytes.ts'
import { HEADER_SIZE } from './header.ts'

/** Longest name on the wire, length octets and root included (RFC 1035 §2.3.4). */
export const MAX_NAME = 255
/** Longest label (RFC 1035 §2.3.4). */
export const MAX_LABEL = 63

/** A name has at most 127 labels, so an honest one cannot need more compression pointers. */
const MAX_POINTERS = 127
const POINTER = 0xc0

/** Longest presentation form: every octet as \DDD. */
const text: Buffer = Buffer.alloc(4 * MAX_NAME)

const DOT = 0x2e
const BACKSLASH = 0x5c

/** Octets that stand for themselves in presentation form: printable, but for `"'().;@\` and the space. */
const isPlain = Uint8Array.from({ length: 256 }, (_, octet) => {
  const isSpecial = '"\'().;@\\ '.includes(String.fromCharCode(octet))
  return octet > 0x1f && octet < 0x7f && !isSpecial ? 1 : 0
})

/**
 * The offset after a name as it stands (a compression pointer ends it), or −1 where it is not a
 * name: it leaves the message, is longer than 255 octets, or has a pointer that does not go
 * strictly backwards (so that no chain of pointers can loop) or into the header.
 */
export function skipName(b: Uint8Array, offset: number, length: number): number {
  let at = offset
  let start = offset
  let size = 0
  let pointers = 0
  let end = -1
  for (;;) {
    if (at >= length) return -1
    const octet = b[at]!
    if (octet === 0) return end < 0 ? at + 1 : end
    if (octet <= MAX_LABEL) {
      size += octet + 1
      if (size >= MAX_NAME) return -1
      at += octet + 1
      continue
    }
    if (octet < POINTER || at + 1 >= length || ++pointers > MAX_POINTERS) return -1
    const target = ((octet & 0x3f) << 8) | b[at + 1]!
    if (target >= start || target < HEADER_SIZE) return -1
    if (end < 0) end = at + 2
    at = start = target
  }
}

/** The offset of the label a name begins with, pointers followed. The name must be sound. */
function firstLabel(b: Uint8Array, offset: number): number {
  let at = offset
  while (b[at]! >= POINTER) at = ((b[at]! & 0x3f) << 8) | b[at + 1]!
  return at
}

/** Writes a sound name in full at `at` of `out`, which has room for it. Returns the offset after it. */
export function copyName(b: Uint8Array, offset: number, out: Uint8Array, at: number): number {
  let to = at
  let label = firstLabel(b, offset)
  for (;;) {
    const end = label + 1 + b[label]!
    const isRoot = b[label] === 0
    for (let i = label; i < end; i++) out[to++] = b[i]!
    if (isRoot) return to
    label = firstLabel(b, end)
  }
}

/**
 * Whether two names are equal but for ASCII case (RFC 4343). Both must have passed `skipName`, as
 * every name in a scanned message has.
 */
export function sameName(
  b1: Uint8Array,
  offset1: number,
  b2: Uint8Array,
  offset2: number,
): boolean {
  let at1 = firstLabel(b1, offset1)
  let at2 = firstLabel(b2, offset2)
  for (;;) {
    if (at1 === at2 && b1 === b2) return true
    const size = b1[at1]!
    if (size !== b2[at2]!) return false
    if (size === 0) return true
    for (let i = 1; i <= size; i++) {
      if (lowerCase[b1[at1 + i]!] !== lowerCase[b2[at2 + i]!]) return false
    }
    at1 = firstLabel(b1, at1 + size + 1)
    at2 = firstLabel(b2, at2 + size + 1)
  }
}

/** Whether a name of a scanned message is below another one of it, by one label at least. */
export function isBelow(b: Uint8Array, name: number, ancestor: number): boolean {
  let at = firstLabel(b, name)
  while (b[at] !== 0) {
    at = firstLabel(b, at + 1 + b[at]!)
    if (sameName(b, at, b, ancestor)) return true
  }
  return false
}

/**
 * A name in presentation form with its final dot ('.' for the root), compression followed; null
 * where it is not a name. Octets outside printable ASCII become \DDD, separators \X (RFC 1035 §5.1).
 */
export function nameToText(
  b: Uint8Array,
  offset: number,
  length: number,
  lower = false,
): string | null {
  if (skipName(b, offset, length) < 0) return null
  let n = 0
  let at = firstLabel(b, offset)
  if (b[at] === 0) return '.'
  while (b[at] !== 0) {
    const end = at + 1 + b[at]!
    for (let i = at + 1; i < end; i++) {
      const octet = lower ? lowerCase[b[i]!]! : b[i]!
      if (isPlain[octet] === 1) text[n++] = octet
      else n = escape(n, octet)
    }
    text[n++] = DOT
    at = firstLabel(b, end)
  }
  return text.toString('latin1', 0, n)
}

function escape(at: number, octet: number): number {
  let n = at
  if (octet < 0x20 || octet > 0x7e) {
    text[n++] = BACKSLASH
    text[n++] = 0x30 + Math.floor(octet / 100)
    text[n++] = 0x30 + (Math.floor(octet / 10) % 10)
    text[n++] = 0x30 + (octet % 10)
    return n
  }
  text[n++] = BACKSLASH
  text[n++] = octet
  return n
}

/**
 * Writes a name given in presentation form at `offset`; the final dot is optional, case is kept.
 * Returns the offset after it, or −1 where the text is no name (empty, an empty label, a label over
 * 63 or a name over 255 octets, a character outside ASCII, a broken escape) or `out` has no room.
 */
export function textToName(name: string, out: Uint8Array, offset: number): number {
  const limit = Math.min(out.length, offset + MAX_NAME)
  let labelAt = offset
  let n = offset + 1
  let i = name === '.' ? 1 : 0
  if (name === '' || limit <= offset) return -1
  while (i < name.length) {
    let octet = name.charCodeAt(i++)
    if (octet === DOT) {
      if (n === labelAt + 1) return -1
      out[labelAt] = n - labelAt - 1
      labelAt = n++
      if (n > limit) return -1
      continue
    }
    if (octet === BACKSLASH) {
      octet = escaped(name, i)
      i += isDigit(name.charCodeAt(i)) ? 3 : 1
    } else if (octet > 0x7f) return -1
    // The root's octet has to fit behind every label.
    if (octet < 0 || n - labelAt > MAX_LABEL || n + 1 >= limit) return -1
    out[n++] = octet
  }
  if (n > labelAt + 1) {
    out[labelAt] = n - labelAt - 1
    labelAt = n++
  }
  out[labelAt] = 0
  return n
}

/** The octet of an escape whose backslash stands before `at`, or −1. */
function escaped(name: string, at: number): number {
  const digits = name.slice(at, at + 3)
  if (/^\d{3}$/.test(digits)) return Number(digits) <= 0xff ? Number(digits) : -1
  const code = name.charCodeAt(at)
  return code <= 0x7f && !isDigit(code) ? code : -1
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
