import type { Budget } from './budget.ts'
import { type Type, unknown } from './types.ts'
import type { Value } from './value.ts'

/** A function of the language that takes values alone. */
export interface Builtin {
  /**
   * The type of its result for arguments of these types, or what is wrong with them. Where there are
   * signatures, these are tried instead.
   */
  readonly validate?: (args: readonly Type[]) => Type | string
  readonly signatures?: readonly Signature[]
  /** A failure is an Error with the reason as its message. */
  run(args: readonly Value[], budget: Budget): Value
}

export interface Signature {
  readonly parameters: readonly Type[]
  readonly result: Type
}

/** A builtin that has one of these lists of parameters. */
export function typed(
  lists: readonly (readonly Type[])[],
  result: Type,
  run: Builtin['run'],
): Builtin {
  return { signatures: lists.map((parameters) => ({ parameters, result })), run }
}

/** A builtin with one argument, of one of these kinds; `problem` begins the text for others. */
export function oneOf(
  kinds: readonly Type['kind'][],
  problem: (type: string) => string,
  resultOf: (type: Type) => Type,
  run: Builtin['run'],
): Builtin {
  return {
    validate: (args) => {
      if (args.length !== 1) return wrongCount('1', args.length)
      const [type = unknown] = args
      if (type.kind === 'unknown' || kinds.includes(type.kind)) return resultOf(type)
      return problem(typeText(type))
    },
    run,
  }
}

export function wrongCount(expected: string, got: number): string {
  return `invalid number of arguments (expected ${expected}, got ${got})`
}

/** A type in texts of a builtin, which know no `unknown`. */
export function typeText({ kind, name }: Type): string {
  return kind === 'nil' || kind === 'unknown' ? 'interface {}' : name
}
