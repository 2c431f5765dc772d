import { quote } from '../../../corefile/go-quote.ts'
import { integerOf } from './constants.ts'
import { TemplateError } from './token.ts'

/** As Go's strconv.ParseUint, errors included. Base 0 stands for that of the text's prefix. */
export function parseUint(text: string, base: number, bits: number): bigint {
  const fail = (reason: string): never => {
    throw new TemplateError(`strconv.ParseUint: parsing ${quote(text)}: ${reason}`)
  }
  if (text === '') fail('invalid syntax')
  if (base !== 0 && (base < 2 || base > 36)) fail(`invalid base ${base}`)
  const digits = base === 0 ? null : text.toLowerCase()
  const size = bits === 0 ? 64 : bits
  if (digits === null) {
    if (!/^\d/.test(text)) fail('invalid syntax')
    const value = integerOf(text) ?? (/^\d+$/.test(text) ? fail('value out of range') : null)
    if (value === null) return fail('invalid syntax')
    if (size < 0 || size > 64) fail(`invalid bit size ${bits}`)
    return inRange(value, size) ? value : fail('value out of range')
  }
  if (size < 0 || size > 64) fail(`invalid bit size ${bits}`)
  let value = 0n
  for (const char of digits) {
    const digit = /^[0-9a-z]$/.test(char) ? parseInt(char, 36) : 36
    if (digit >= base) fail('invalid syntax')
    // Beyond every size, and the rest may still be no number.
    if (value < 2n ** 64n) value = value * BigInt(base) + BigInt(digit)
  }
  return inRange(value, size) ? value : fail('value out of range')
}

function inRange(value: bigint, bits: number): boolean {
  return value < 2n ** BigInt(bits)
}
