import type { Evaluate } from './frame.ts'
import { typeName } from './value.ts'

/** Compiles a regular expression that takes linear time, whatever it meets. Throws Error. */
export type CompilePattern = (pattern: string) => { test(text: string): boolean }

/** What a pattern that is made while an expression runs costs for each of its characters. */
const UNITS = 20

/** `matches`: the pattern is found anywhere in the text. A constant one is compiled at load. */
export function compileMatch(
  left: Evaluate,
  right: string | Evaluate,
  compile: CompilePattern,
): Evaluate {
  const constant = typeof right === 'string' ? compile(right) : null
  return (frame) => {
    const text = left(frame)
    const pattern = typeof right === 'string' ? right : right(frame)
    if (typeof text !== 'string' || typeof pattern !== 'string') {
      throw new Error(`invalid operation: ${typeName(text)} matches ${typeName(pattern)}`)
    }
    frame.budget.spend(text.length)
    if (constant !== null) return constant.test(text)
    frame.budget.spend(pattern.length * UNITS)
    return compile(pattern).test(text)
  }
}
