import { quote } from '../../../corefile/go-quote.ts'
import type { NumberNode } from './nodes.ts'
import { TemplateError } from './token.ts'

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
}
const ESCAPE =
  /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|([abfnrtv\\'"]))/y
const UINT64 = 2n ** 64n
const INT64 = 2n ** 63n

/** The text of a Go string literal, its quotes included; null where it is none. */
export function unquote(literal: string): string | null {
  const mark = literal[0]
  if (mark === '`') return literal.slice(1, -1).replaceAll('\r', '')
  const bytes: Uint8Array[] = []
  const inner = literal.slice(1, -1)
  for (let at = 0; at < inner.length;) {
    if (inner[at] !== '\\') {
      const end = inner.indexOf('\\', at)
      bytes.push(Buffer.from(end < 0 ? inner.slice(at) : inner.slice(at, end)))
      at = end < 0 ? inner.length : end
      continue
    }
    ESCAPE.lastIndex = at
    const found = ESCAPE.exec(inner)
    if (found === null) return null
    const [, hex, short, long, octal, simple] = found
    // The quote of the other kind of literal is not escaped in Go.
    if ((simple === '"' || simple === "'") && simple !== mark) return null
    const rune = short ?? long
    if (rune !== undefined) {
      const code = parseInt(rune, 16)
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return null
      bytes.push(Buffer.from(String.fromCodePoint(code)))
    } else {
      const octet =
        hex === undefined
          ? octal === undefined
            ? ESCAPES[simple ?? '']!
            : parseInt(octal, 8)
          : parseInt(hex, 16)
      if (octet > 255) return null
      bytes.push(Uint8Array.of(octet))
    }
    at = ESCAPE.lastIndex
  }
  return Buffer.concat(bytes).toString()
}

/** A number or character constant. Throws TemplateError in Go's words. */
export function numberNode(text: string, at: number, isChar: boolean): NumberNode {
  if (isChar) {
    const char = unquote(text)
    if (char === null || char === '') throw new TemplateError('invalid syntax')
    if (Array.from(char).length !== 1) {
      throw new TemplateError(`malformed character constant: ${text}`)
    }
    const code = char.codePointAt(0)!
    return { kind: 'number', at, text, integer: BigInt(code), float: code, isFloat: false }
  }
  if (text.endsWith('i'))
    throw new TemplateError(`complex numbers are not supported: ${quote(text)}`)
  const integer = integerOf(text)
  const float = integer === null ? floatOf(text) : Number(integer)
  if (float === null) throw new TemplateError(`illegal number syntax: ${quote(text)}`)
  if (!Number.isFinite(float)) throw new TemplateError(`illegal number syntax: ${quote(text)}`)
  if (integer === null && !/[.eEpP]/.test(text.replace(/^[-+]?0[xX][^pP]*$/, ''))) {
    throw new TemplateError(`integer overflow: ${quote(text)}`)
  }
  const whole = integer === null && Number.isInteger(float) ? BigInt(float) : integer
  return {
    kind: 'number',
    at,
    text,
    integer: whole !== null && whole < UINT64 && whole >= -INT64 ? whole : null,
    float,
    isFloat: integer === null,
  }
}

/** An integer in Go's syntax for literals with base 0, or null. Of 64 bits, signed or not. */
export function integerOf(text: string): bigint | null {
  const match =
    /^([-+]?)(0[xX]_?[\da-fA-F]+(?:_[\da-fA-F]+)*|0[bB]_?[01]+(?:_[01]+)*|0[oO]?_?[0-7]+(?:_[0-7]+)*|0|[1-9]\d*(?:_\d+)*)$/.exec(
      text,
    )
  if (match === null || text.length > 100) return null
  const [, sign, digits = ''] = match
  const plain = digits.replaceAll('_', '').replace(/^0(?=[0-7])/, '0o')
  const value = BigInt(plain)
  const signed = sign === '-' ? -value : value
  return signed < UINT64 && signed >= -INT64 ? signed : null
}

function floatOf(text: string): number | null {
  const plain = text.replace(/(?<=[\da-fA-F])_(?=[\da-fA-F])/g, '')
  const hex = /^([-+]?)0[xX]([\da-fA-F]*)\.?([\da-fA-F]*)[pP]([-+]?\d+)$/.exec(plain)
  if (hex !== null && `${hex[2]}${hex[3]}` !== '') {
    const [, sign, whole = '', part = '', exponent = ''] = hex
    const value = parseInt(`${whole}${part}`, 16) * 2 ** (Number(exponent) - 4 * part.length)
    return sign === '-' ? -value : value
  }
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(plain) ? Number(plain) : null
}
