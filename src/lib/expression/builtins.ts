import type { Builtin } from './builtin.ts'
import { listBuiltins } from './builtin-lists.ts'
import { numberBuiltins } from './builtin-numbers.ts'
import { stringBuiltins } from './builtin-strings.ts'
import { withPredicate } from './predicates.ts'

/** The functions of the language that take values alone. */
export const builtins: ReadonlyMap<string, Builtin> = new Map(
  Object.entries({ ...stringBuiltins, ...numberBuiltins, ...listBuiltins }),
)

/** Those of expr-lang that are left out: they give dates and durations. */
const dates: readonly string[] = ['now', 'date', 'duration', 'timezone']

export function isBuiltin(name: string): boolean {
  return builtins.has(name) || withPredicate.has(name)
}

/** Why a function of expr-lang cannot be called here; null for every other name. */
export function leftOut(name: string): string | null {
  return dates.includes(name)
    ? `${name}() is not supported: there are no dates and durations`
    : null
}
