import { setFlagsFromString } from 'node:v8'
import { DnsletError } from '../lib/errors.ts'
import { valueError } from './error.ts'
import { tooLarge, translate } from './regex-translate.ts'
import type { Token } from './token.ts'

/** Whether boundBacktracking() did its work: the flag holds for the process. */
let isBounded = false

/**
 * RE2 runs in linear time, and a pattern is applied to names that strangers choose. With this flag
 * V8 leaves its backtracking engine for a linear one after 50,000 steps back (well below a
 * millisecond), which `(a+)+$` needs for 30 octets already.
 */
function boundBacktracking(): void {
  if (isBounded) return
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
  isBounded = true
}

/**
 * A JavaScript regular expression, without flags and state, that matches what a pattern in RE2's
 * syntax matches: unanchored, leftmost, first alternative. Differences: letter case is folded for
 * ASCII alone (RFC 4343), a character beyond U+FFFF counts as two, and a group that a repetition
 * passes again without using it loses what it had captured. Time is linear as long as counts above
 * 16 neither nest nor repeat a capturing group or a text of thousands of characters. Throws DnsletError `E_REGEX` with Go's text.
 */
export function compileRegex(pattern: string): RegExp {
  const source = translate(pattern)
  boundBacktracking()
  try {
    const matcher = new RegExp(source)
    // V8 compiles at first use, and some of its limits show only then.
    matcher.test('')
    return matcher
  } catch {
    // The translation is valid: what is left are those limits.
    throw tooLarge(pattern)
  }
}

/** One argument that is a regular expression. Errors as Go's regexp.Compile. */
export function regex(token: Token): RegExp {
  try {
    return compileRegex(token.text)
  } catch (error) {
    if (!(error instanceof DnsletError)) throw error
    throw valueError(token, error.message)
  }
}
