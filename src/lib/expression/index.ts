import { isBuiltin } from './builtins.ts'
import { check } from './check.ts'
import { compile } from './compile.ts'
import { ExpressionError, Mistake } from './error.ts'
import { type Environment, Frame } from './frame.ts'
import type { CompilePattern } from './match.ts'
import { parse } from './parser.ts'
import type { Type } from './types.ts'
import type { Value } from './value.ts'

export { ExpressionError } from './error.ts'
export type { Environment } from './frame.ts'
export { bool, func, int, string, type Type } from './types.ts'
export type { Value } from './value.ts'

/** An expression, ready to be evaluated any number of times. */
export interface Expression {
  /** The type of its value, as far as it is known before it is evaluated. */
  readonly type: Type
  /**
   * Its value. Takes bounded time and memory, whatever the environment holds. Throws ExpressionError
   * `E_EVALUATION`. Must not be called again by a function of the environment.
   */
  evaluate(environment: Environment): Value
}

export interface CompileOptions {
  /** The names that the expression may use, besides the functions of the language, which they hide. */
  readonly names: ReadonlyMap<string, Type>
  readonly compilePattern: CompilePattern
}

/**
 * Compiles an expression of expr-lang, the language of CoreDNS's `view`. Its types are checked as far as
 * they are known. Throws ExpressionError `E_EXPRESSION`, with line and column.
 */
export function compileExpression(
  text: string,
  { names, compilePattern }: CompileOptions,
): Expression {
  const { type, evaluate, slots } = inText(text, 'E_EXPRESSION', () => {
    const node = parse(text, (name) => isBuiltin(name) && !names.has(name))
    return { type: check(node, names), ...compile(node, compilePattern) }
  })
  const frame = new Frame(slots)
  return {
    type,
    evaluate: (environment) => {
      frame.environment = environment
      frame.budget.refill()
      try {
        return inText(text, 'E_EVALUATION', () => evaluate(frame))
      } finally {
        frame.slots.fill(null)
      }
    },
  }
}

function inText<T>(text: string, code: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (!(cause instanceof Mistake)) throw cause
    throw new ExpressionError(code, cause.message, text, cause.at)
  }
}
