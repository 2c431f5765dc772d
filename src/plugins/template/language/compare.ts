import { show } from './show.ts'
import { TemplateError } from './token.ts'
import { type Callable, Float, Int, isStruct, typeOf, type Value } from './values.ts'

type Basic = boolean | string | bigint | number

const isNone = (value: Value): value is undefined | null => value === undefined || value === null

/** What can be ordered or compared by itself, integers by their value; null where it is none of these. */
function basic(value: Value): Basic | null {
  if (typeof value === 'boolean' || typeof value === 'string') return value
  return value instanceof Int || value instanceof Float ? value.value : null
}

function incompatible(first: Value, second: Value): TemplateError {
  const types = `${typeOf(first)} and ${typeOf(second)}`
  return new TemplateError(`incompatible types for comparison: ${types}`)
}

function equal(first: Value, second: Value): boolean {
  if (isNone(first) || isNone(second)) return isNone(first) && isNone(second)
  const [a, b] = [basic(first), basic(second)]
  if (a === null && b === null) {
    for (const value of [first, second]) {
      if (isStruct(value)) continue
      throw new TemplateError(`non-comparable type ${show(value)}: ${typeOf(value)}`)
    }
    return first === second
  }
  if (typeof a !== typeof b) throw incompatible(first, second)
  return a === b
}

function less(first: Value, second: Value): boolean {
  const [a, b] = [basic(first), basic(second)]
  if (a === null || b === null) throw new TemplateError('invalid type for comparison')
  if (typeof a !== typeof b) throw incompatible(first, second)
  if (typeof a === 'boolean') throw new TemplateError('invalid type for comparison')
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string)) < 0
  return a < (b as typeof a)
}

function pair(compare: (first: Value, second: Value) => boolean): Callable {
  return { parameters: ['any', 'any'], call: ([first, second]) => compare(first, second) }
}

/** `eq` and its like: of text/template, so that `1` never equals `1.0`. */
export const comparisons: readonly (readonly [string, Callable])[] = [
  [
    'eq',
    {
      parameters: ['any'],
      rest: 'any',
      call: ([first, ...others]) => {
        if (others.length === 0) throw new TemplateError('missing argument for comparison')
        return others.some((other) => equal(first, other))
      },
    },
  ],
  ['ne', pair((a, b) => !equal(a, b))],
  ['lt', pair(less)],
  ['le', pair((a, b) => less(a, b) || equal(a, b))],
  ['gt', pair((a, b) => !less(a, b) && !equal(a, b))],
  ['ge', pair((a, b) => !less(a, b))],
]
