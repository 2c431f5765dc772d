import type { Node } from './ast.ts'
import { Mistake } from './error.ts'
import type { Token } from './lexer.ts'

const radixes: readonly [start: string, radix: number, name: string][] = [
  ['0x', 16, 'hex'],
  ['0b', 2, 'binary'],
  ['0o', 8, 'octal'],
]

/** A number as an expression writes it. Integers beyond 2^53 are refused: they would not be exact. */
export function readNumber(token: Token): Node {
  const text = token.value.replaceAll('_', '').toLowerCase()
  const [start, radix, name] = radixes.find(([prefix]) => text.startsWith(prefix)) ?? ['', 10, '']
  if (name === '' && /[.e]/.test(text))
    return { kind: 'float', value: float(text, token), at: token.at }
  const digits = text.slice(start.length)
  if (digits === '') throw new Mistake(`invalid ${name} literal: "${token.value}"`, token.at)
  const value = Number.parseInt(digits, radix)
  if (!Number.isSafeInteger(value)) throw new Mistake('integer literal is too large', token.at)
  return { kind: 'int', value, at: token.at }
}

function float(text: string, token: Token): number {
  const value = Number(text)
  if (Number.isNaN(value)) throw new Mistake(`invalid float literal: "${token.value}"`, token.at)
  if (value === Infinity) throw new Mistake('float literal is too large', token.at)
  return value
}
