import { DnsletError } from '../lib/errors.ts'

/** A piece of a pattern that was read, and the index behind it. */
export interface Piece<T> {
  readonly value: T
  readonly end: number
}

/** An error in the words of Go's regexp package; `part` is the offending piece of the pattern. */
export function regexError(reason: string, part: string): DnsletError {
  return new DnsletError('E_REGEX', `error parsing regexp: ${reason}: \`${part}\``)
}

/** The character (code point) that starts at `at`; empty at the end of the pattern. */
export function charAt(pattern: string, at: number): string {
  const point = pattern.codePointAt(at)
  return point === undefined ? '' : String.fromCodePoint(point)
}

/** What a sticky regular expression finds exactly at `at`, or null. */
export function matchAt(pattern: string, at: number, form: RegExp): RegExpExecArray | null {
  form.lastIndex = at
  return form.exec(pattern)
}

const CONTROLS: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
])
const OCTAL = /\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/y
const HEXADECIMAL = /\\x(?:([0-9a-f]{2})|\{([0-9a-f]+)\})/iy
const NOT_HEXADECIMAL = /\\x(?:\{[0-9a-f]*[^]?|[^{][^]?)?/iy

/** The character that the escape at `at`, a backslash, stands for. `\1` is none: no backreferences. */
export function escapeAt(pattern: string, at: number): Piece<string> {
  const char = charAt(pattern, at + 1)
  if (char === '') throw regexError('trailing backslash at end of expression', '')
  const end = at + 1 + char.length
  const control = CONTROLS.get(char)
  if (control !== undefined) return { value: control, end }
  if (char === 'x') return hexadecimalAt(pattern, at)
  const [all = '', octal] = matchAt(pattern, at, OCTAL) ?? []
  if (octal !== undefined) {
    return { value: String.fromCharCode(parseInt(octal, 8)), end: at + all.length }
  }
  // A letter or digit without a meaning is kept free for one; everything else stands for itself.
  if (char < '\x80' && !/[0-9A-Za-z]/.test(char)) return { value: char, end }
  throw regexError('invalid escape sequence', pattern.slice(at, end))
}

/** `\x7f` or `\x{10ffff}`. */
function hexadecimalAt(pattern: string, at: number): Piece<string> {
  const [all = '', short, long] = matchAt(pattern, at, HEXADECIMAL) ?? []
  const point = parseInt(short ?? long ?? '', 16)
  if (point <= 0x10ffff) return { value: String.fromCodePoint(point), end: at + all.length }
  const [bad = ''] = matchAt(pattern, at, NOT_HEXADECIMAL) ?? []
  throw regexError('invalid escape sequence', bad)
}
