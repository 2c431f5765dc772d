import type { Budget } from './budget.ts'
import { type Builtin, oneOf, typed, typeText, wrongCount } from './builtin.ts'
import { fromJson, toJson } from './json.ts'
import { anyArray, int, map, string, type Type, unknown } from './types.ts'
import { equal, isArray, isMap, less, toText, typeName, type Value } from './value.ts'

function list(value: Value | undefined, problem: string, budget: Budget): readonly Value[] {
  if (value === undefined || !isArray(value)) {
    throw new Error(`${problem} ${typeName(value ?? null)}`)
  }
  budget.spend(value.length)
  return value
}

/** A function of one array; `problem` begins the text where it is none. */
const ofList = (
  problem: string,
  run: (items: readonly Value[], budget: Budget) => Value,
  resultOf: (type: Type) => Type = () => anyArray,
): Builtin =>
  oneOf(
    ['array'],
    (type) => `${problem} ${type}`,
    resultOf,
    ([value], budget) => run(list(value, problem, budget), budget),
  )

const ofMap = (
  problem: string,
  run: (pairs: readonly (readonly [Value, Value])[]) => Value,
): Builtin =>
  oneOf(
    ['map'],
    (type) => `${problem} ${type}`,
    () => anyArray,
    ([value = null], budget) => {
      if (!isMap(value)) throw new Error(`${problem} ${typeName(value)}`)
      budget.spend(value.size)
      return run([...value])
    },
  )

const element = ({ element: of = unknown }: Type): Type => of

/** Sorts what can be compared, by keys of its own. Throws Error. */
export function sorted(
  items: readonly Value[],
  keys: readonly Value[],
  order: Value,
): readonly Value[] {
  if (order !== 'asc' && order !== 'desc') {
    throw new Error(`invalid order ${toText(order)}, expected asc or desc`)
  }
  const sign = order === 'desc' ? -1 : 1
  const compare = (a: number, b: number): number => {
    const [x, y] = [keys[a]!, keys[b]!]
    const before = less(x, y)
    if (before === null) {
      throw new Error(`invalid operation: ${typeName(x)} < ${typeName(y)}`)
    }
    return before ? -sign : less(y, x) === true ? sign : 0
  }
  return [...items.keys()].toSorted(compare).map((at) => items[at]!)
}

function flatten(items: readonly Value[], budget: Budget): Value[] {
  budget.spend(items.length)
  const flat: Value[] = []
  for (const item of items) {
    if (isArray(item)) for (const inner of flatten(item, budget)) flat.push(inner)
    else flat.push(item)
  }
  return flat
}

function unique(items: readonly Value[], budget: Budget): Value[] {
  const found: Value[] = []
  for (const item of items) {
    budget.spend(found.length)
    if (!found.some((other) => equal(other, item))) found.push(item)
  }
  return found
}

function fromPairs(items: readonly Value[]): Value {
  const pairs = items.map((pair): [Value, Value] => {
    if (!isArray(pair)) throw new Error(`invalid pair ${toText(pair)}`)
    if (pair.length !== 2) throw new Error(`invalid pair length ${toText(pair)}`)
    return [pair[0]!, pair[1]!]
  })
  return new Map(pairs)
}

/** What `get` finds; nil where there is nothing. Throws Error for an index that is no number. */
function get(from: Value, at: Value): Value {
  if (isMap(from)) return from.get(at) ?? null
  if (!isArray(from)) return null
  if (typeof at !== 'number') throw new Error(`invalid operation: int(${typeName(at)})`)
  return from.at(at) ?? null
}

function typeOfGet([from = unknown, at = unknown]: readonly Type[]): Type | string {
  if (from.kind === 'unknown') return unknown
  if (from.kind === 'array') {
    const fits = at.kind === 'int' || at.kind === 'unknown'
    return fits ? element(from) : `non-integer slice index ${at.name}`
  }
  if (from.kind !== 'map') return `type ${from.name} does not support indexing`
  return at.kind === 'string' || at.kind === 'unknown'
    ? element(from)
    : `cannot use ${at.name} to get an element from ${from.name}`
}

function typeOfTake([from = unknown, size = unknown]: readonly Type[]): Type | string {
  if (from.kind !== 'unknown' && from.kind !== 'array') return `cannot take from ${typeText(from)}`
  const fits = size.kind === 'unknown' || size.kind === 'int'
  return fits ? from : `cannot take ${typeText(size)} elements`
}

const two =
  (typeOf: (args: readonly Type[]) => Type | string) =>
  (args: readonly Type[]): Type | string =>
    args.length === 2 ? typeOf(args) : wrongCount('2', args.length)

/** The lengths of strings are counted in characters. */
function length(value: Value): number {
  if (typeof value === 'string') return Array.from(value).length
  if (isArray(value)) return value.length
  if (isMap(value)) return value.size
  throw new Error(`invalid argument for len (type ${typeName(value)})`)
}

export const listBuiltins: Readonly<Record<string, Builtin>> = {
  len: oneOf(
    ['string', 'array', 'map'],
    (type) => `invalid argument for len (type ${type})`,
    () => int,
    ([value = null]) => length(value),
  ),
  type: typed([[unknown]], string, ([value = null]) => {
    if (isArray(value)) return 'array'
    if (isMap(value)) return 'map'
    const name = typeName(value)
    return name === '<nil>' ? 'nil' : name === 'float64' ? 'float' : name
  }),
  first: ofList('cannot get first element from', (items) => items[0] ?? null, element),
  last: ofList('cannot get last element from', (items) => items.at(-1) ?? null, element),
  get: {
    validate: two(typeOfGet),
    run: ([from = null, at = null]) => get(from, at),
  },
  take: {
    validate: two(typeOfTake),
    run: ([from, size = null], budget) => {
      const items = list(from, 'cannot take from', budget)
      if (typeof size !== 'number') throw new Error(`cannot take ${typeName(size)} elements`)
      if (size < 0) throw new Error('slice index out of bounds')
      return items.slice(0, size)
    },
  },
  keys: ofMap('cannot get keys from', (pairs) => pairs.map(([key]) => key)),
  values: ofMap('cannot get values from', (pairs) => pairs.map(([, value]) => value)),
  toPairs: ofMap('cannot transform to pairs', (pairs) => pairs.map((pair) => [...pair])),
  fromPairs: ofList('cannot transform from pairs', fromPairs, () => map),
  reverse: ofList('cannot reverse', (items) => items.toReversed()),
  uniq: ofList('cannot uniq', unique),
  flatten: ofList('cannot flatten', flatten),
  concat: {
    validate: (args) => {
      if (args.length === 0) return wrongCount('at least 1', 0)
      const bad = args.find(({ kind }) => kind !== 'unknown' && kind !== 'array')
      return bad === undefined ? anyArray : `cannot concat ${typeText(bad)}`
    },
    run: (args, budget) => args.flatMap((value) => list(value, 'cannot concat', budget)),
  },
  sort: typed([[anyArray, string], [anyArray]], anyArray, ([value, order = 'asc'], budget) => {
    const items = list(value, 'cannot sort', budget)
    return sorted(items, items, order)
  }),
  toJSON: typed([[unknown]], string, ([value = null], budget) => toJson(value, budget)),
  fromJSON: typed([[string]], unknown, ([text], budget) => fromJson(text, budget)),
}
