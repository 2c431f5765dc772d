import {
  all,
  countArgs,
  type Directive,
  ignore,
  inPlugin,
  once,
  type Option,
  read,
  unknownProperty,
  valueError,
  type Warn,
} from '../../corefile/directive.ts'
import { compileRegex } from '../../corefile/regex.ts'
import { compileExpression, type Expression, ExpressionError } from '../../lib/expression/index.ts'
import { names } from './environment.ts'

/** One `expr` line. */
export interface Condition {
  readonly text: string
  readonly expression: Expression
}

export interface ViewConfig {
  readonly name: string
  /** All of them have to be true. */
  readonly conditions: readonly Condition[]
}

/** Reads the one `view` of a block. */
export function readConfig(directives: readonly Directive[], warn: Warn = ignore): ViewConfig {
  const directive = once(directives)
  return inPlugin(directive.name, () => {
    const [name] = countArgs(directive, 1, 1)
    const options = { expr: all((option: Option) => readCondition(option, warn)) }
    const { expr: conditions = [] } = read(directive, options, { unknown: unknownProperty, warn })
    return Object.freeze({ name: name!.text, conditions })
  })
}

/** The words of a line are one expression, a space between two. */
function readCondition({ name, args }: Option, warn: Warn): Condition {
  const text = args.map((token) => token.text).join(' ')
  try {
    const expression = compileExpression(text, { names, compilePattern: compileRegex })
    const { kind, name: typeName } = expression.type
    if (kind !== 'bool' && kind !== 'unknown') {
      warn(
        `${name.file}:${name.line} - the view takes no query: its expression is of type ${typeName}, not bool`,
      )
    }
    return { text, expression }
  } catch (error) {
    if (error instanceof ExpressionError) throw valueError(args[0] ?? name, error.message)
    throw error
  }
}
