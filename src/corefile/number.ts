import { valueError } from './error.ts'
import { quote } from './go-quote.ts'
import { type Token, withText } from './token.ts'

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const UINT32 = { min: 0n, max: 2n ** 32n - 1n }

/** Reads `form`, within `range`, with the error texts of Go's strconv. */
function parseInteger(
  token: Token,
  call: string,
  form: RegExp,
  range: { readonly min: bigint; readonly max: bigint },
): number {
  const fail = (reason: string): Error =>
    valueError(token, `strconv.${call}: parsing ${quote(token.text)}: ${reason}`)
  if (!form.test(token.text)) throw fail('invalid syntax')
  const digits = token.text.replace(/^([+-]?)0+(?=\d)/, '$1')
  // Twenty characters hold every value in range; longer ones would cost quadratic time.
  if (digits.length > 20) throw fail('value out of range')
  const value = BigInt(digits.replace('+', ''))
  if (value < range.min || value > range.max) throw fail('value out of range')
  return Number(value)
}

/** A signed decimal integer of 64 bits (rounded beyond 2^53). Errors as Go's strconv.Atoi. */
export function integer(token: Token): number {
  return parseInteger(token, 'Atoi', /^[+-]?[0-9]+$/, INT64)
}

/** An unsigned decimal integer of 32 bits. Errors as Go's strconv.ParseUint. */
export function uint32(token: Token): number {
  return parseInteger(token, 'ParseUint', /^[0-9]+$/, UINT32)
}

/** `10%` to 10. The number must lie in [min, max], both inclusive. */
export function percentage(min: number, max: number): (token: Token) => number {
  return (token) => {
    const { text } = token
    if (!text.endsWith('%')) {
      const last = text.slice(-1)
      throw valueError(token, `last character of percentage should be \`%\`, but is: '${last}'`)
    }
    const value = integer(withText(token, text.slice(0, -1)))
    if (value < min || value > max) {
      throw valueError(token, `percentage should fall in range [${min}, ${max}]: ${value}`)
    }
    return value
  }
}
