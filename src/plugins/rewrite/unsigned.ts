import { type Token, valueError } from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'

/** What Go's strconv.ParseUint takes for base 0, underscores between digits included. */
const ANY_BASE =
  /^(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|[1-9](?:_?\d)*|0)$/
const DECIMAL = /^\d+$/

/** The value of an unsigned integer; null where it is none, Infinity where it is beyond `bits`. */
export function parseUnsigned(text: string, bits: number, base: 0 | 10): number | null {
  if (!(base === 10 ? DECIMAL : ANY_BASE).test(text)) return null
  const digits = text.replaceAll('_', '')
  const octal = base === 0 && /^0[0-7]/.test(digits)
  // More digits than this are out of range in any base, and cost quadratic time.
  const plain = digits.replace(/^0+(?=\d)/, '')
  if (plain.length > 2 + 64) return Infinity
  const value = Number(octal ? `0o${plain}` : base === 10 ? plain : digits)
  return value < 2 ** bits ? value : Infinity
}

/** One argument that is an unsigned integer of so many bits. Errors as Go's strconv.ParseUint. */
export function readUnsigned(token: Token, bits: number, base: 0 | 10): number {
  const value = parseUnsigned(token.text, bits, base)
  if (value !== null && value !== Infinity) return value
  const reason = value === null ? 'invalid syntax' : 'value out of range'
  throw valueError(token, `strconv.ParseUint: parsing ${quote(token.text)}: ${reason}`)
}
