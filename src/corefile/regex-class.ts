import {
  classSource,
  fold,
  negate,
  perlClasses,
  posixClasses,
  type Ranges,
  unicodeClass,
} from './char-class.ts'
import { charAt, escapeAt, matchAt, type Piece, regexError } from './regex-escape.ts'

const POSIX = /\[:(\^?)(.*?):\]/sy
const UNICODE = /\\([pP])(?:\{(\^?)([^}]*)\}|([^{]))?/uy

function cased(ranges: Ranges, ignoreCase: boolean, negated: boolean): Ranges {
  const folded = ignoreCase ? fold(ranges) : ranges
  return negated ? negate(folded) : folded
}

/** The class escape at `at` (`\d`, `\W`, `\pL`, `\P{Greek}`), or null where there is none. */
export function groupAt(pattern: string, at: number, ignoreCase: boolean): Piece<Ranges> | null {
  const unicode = matchAt(pattern, at, UNICODE)
  if (unicode !== null) return unicodeGroup(pattern, unicode, ignoreCase)
  const letter = pattern[at + 1] ?? ''
  const ranges = perlClasses.get(letter.toLowerCase())
  if (pattern[at] !== '\\' || ranges === undefined) return null
  return { value: cased(ranges, ignoreCase, /[A-Z]/.test(letter)), end: at + 2 }
}

function unicodeGroup(pattern: string, match: RegExpExecArray, ignoreCase: boolean): Piece<Ranges> {
  const [all, letter, sign = '', long, short] = match
  const end = match.index + all.length
  const open = long === undefined && short === undefined && pattern[end] === '{'
  const ranges = open ? null : unicodeClass(long ?? short ?? '')
  if (ranges === null) {
    throw regexError('invalid character class range', open ? pattern.slice(match.index) : all)
  }
  return { value: cased(ranges, ignoreCase, (letter === 'P') !== (sign === '^')), end }
}

/** `[:alpha:]` or `[:^alpha:]` inside a class. */
function posixGroupAt(pattern: string, at: number, ignoreCase: boolean): Piece<Ranges> | null {
  const [all, sign, name = ''] = matchAt(pattern, at, POSIX) ?? []
  if (all === undefined) return null
  const ranges = posixClasses.get(name)
  if (ranges === undefined) throw regexError('invalid character class range', all)
  return { value: cased(ranges, ignoreCase, sign === '^'), end: at + all.length }
}

function memberAt(pattern: string, at: number, start: number): Piece<string> {
  if (pattern[at] === '\\') return escapeAt(pattern, at)
  const char = charAt(pattern, at)
  if (char === '') throw regexError('missing closing ]', pattern.slice(start))
  return { value: char, end: at + char.length }
}

/** A character or a range of them. Ranges are cut at U+FFFF, since two units make the characters beyond. */
function rangeAt(pattern: string, at: number, start: number, ignoreCase: boolean): Piece<Ranges> {
  const low = memberAt(pattern, at, start)
  const ranged = pattern[low.end] === '-' && (pattern[low.end + 1] ?? ']') !== ']'
  const high = ranged ? memberAt(pattern, low.end + 1, start) : low
  const from = low.value.codePointAt(0) ?? 0
  const to = high.value.codePointAt(0) ?? 0
  if (to < from || from > 0xffff) {
    throw regexError('invalid character class range', pattern.slice(at, high.end))
  }
  return { value: cased([[from, Math.min(to, 0xffff)]], ignoreCase, false), end: high.end }
}

/** The class in brackets at `at` as the source of a JavaScript one. */
export function classAt(pattern: string, at: number, ignoreCase: boolean): Piece<string> {
  const negated = pattern[at + 1] === '^'
  const members: Ranges[] = []
  let end = negated ? at + 2 : at + 1
  // A closing bracket that comes first is a member.
  for (let first = true; first || pattern[end] !== ']'; first = false) {
    const member =
      posixGroupAt(pattern, end, ignoreCase) ??
      groupAt(pattern, end, ignoreCase) ??
      rangeAt(pattern, end, at, ignoreCase)
    members.push(member.value)
    end = member.end
  }
  return { value: classSource(negated ? negate(members.flat()) : members.flat()), end: end + 1 }
}
