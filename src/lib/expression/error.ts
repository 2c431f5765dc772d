import { DnsletError } from '../errors.ts'

/**
 * An expression that cannot be compiled (`E_EXPRESSION`), or whose evaluation failed
 * (`E_EVALUATION`): the message ends in the line and column, counted from 1, as in expr-lang.
 */
export class ExpressionError extends DnsletError {
  /** What is wrong, without the position. */
  readonly reason: string

  constructor(code: string, reason: string, text: string, at: number) {
    super(code, `${reason} (${position(text, at)})`)
    this.reason = reason
  }
}

/** `line:column` of a character. */
function position(text: string, at: number): string {
  const before = Array.from(text).slice(0, at)
  const lineStart = before.lastIndexOf('\n') + 1
  const line = before.filter((c) => c === '\n').length + 1
  return `${line}:${before.length - lineStart + 1}`
}

/** A mistake and where it is: the index of a character. compileExpression() adds the text. */
export class Mistake extends Error {
  readonly at: number

  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}
