import { compileRegex } from '../../../src/corefile/regex.ts'
import {
  bool,
  compileExpression,
  type Environment,
  type Expression,
  ExpressionError,
  func,
  int,
  string,
  type Type,
  type Value,
} from '../../../src/lib/expression/index.ts'
import { unknown } from '../../../src/lib/expression/types.ts'
import { toText } from '../../../src/lib/expression/value.ts'

const names: ReadonlyMap<string, Type> = new Map([
  ['name', func([], string)],
  ['type', func([], string)],
  ['size', func([], int)],
  ['do', func([], bool)],
  ['fails', func([string], bool)],
  ['given', unknown],
])

const environment: Environment = {
  name: () => 'www.example.com.',
  type: () => 'A',
  size: () => 40,
  do: () => true,
  fails: (text = null) => {
    throw new Error(`no use for ${toText(text)}`)
  },
}

export function compiled(text: string): Expression {
  return compileExpression(text, { names, compilePattern: compileRegex })
}

/** The value of an expression; `given` stands for whatever a name of unknown type holds. */
export function valueOf(text: string, given: Value = null): Value {
  return compiled(text).evaluate({ ...environment, given })
}

/** Why an expression is refused, or fails: `E_…: message`. */
export function problemOf(text: string, given: Value = null): string {
  try {
    valueOf(text, given)
  } catch (error) {
    if (error instanceof ExpressionError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'none'
}
