import { sorted } from './builtin-lists.ts'
import type { Evaluate, Frame } from './frame.ts'
import { operations } from './operations.ts'
import { isArray, typeName, type Value } from './value.ts'

/** The slots of what a predicate sees. */
export interface PointerSlots {
  readonly item: number
  readonly index: number
  readonly accumulator: number
}

interface Loop {
  readonly list: readonly Value[]
  /** The predicate's value for the element at `index`. */
  readonly at: (index: number) => Value
  /** The same where it has to be true or false. */
  readonly holds: (index: number) => boolean
  readonly frame: Frame
  readonly slots: PointerSlots
}

type Run = (loop: Loop, further: Value | undefined) => Value

/** A builtin that takes a predicate. Where that is missing, elements stand for themselves. */
export function compilePredicate(
  name: string,
  list: Evaluate,
  predicate: Evaluate | null,
  further: Evaluate | null,
  slots: PointerSlots,
): Evaluate {
  const run = runs[name]!
  return (frame) => {
    const items = list(frame)
    if (!isArray(items)) {
      throw new Error(`builtin ${name} takes only array (got ${typeName(items)})`)
    }
    const at = (index: number): Value => {
      frame.budget.spend(1)
      frame.slots[slots.item] = items[index]!
      frame.slots[slots.index] = index
      return predicate === null ? items[index]! : predicate(frame)
    }
    const holds = (index: number): boolean => truth(at(index))
    return run({ list: items, at, holds, frame, slots }, further?.(frame))
  }
}

/** A condition's value. Throws Error where it is neither true nor false. */
export function truth(value: Value): boolean {
  if (typeof value === 'boolean') return value
  throw new Error(`interface conversion: interface {} is ${typeName(value)}, not bool`)
}

function places({ list, holds }: Loop): number[] {
  return [...list.keys()].filter(holds)
}

function first({ list, holds }: Loop): number {
  return list.findIndex((_, index) => holds(index))
}

function last({ list, holds }: Loop): number {
  return list.findLastIndex((_, index) => holds(index))
}

function itemAt({ list }: Loop, index: number): Value {
  return list[index] ?? null
}

const indexOrNil = (index: number): Value => (index < 0 ? null : index)

function groups({ list, at }: Loop): Value {
  const found = new Map<Value, Value[]>()
  for (const [index, item] of list.entries()) {
    const key = at(index)
    if (key !== null && typeof key === 'object') {
      throw new Error(`cannot use ${typeName(key)} as a key for groupBy: type is not comparable`)
    }
    const group = found.get(key)
    if (group === undefined) found.set(key, [item])
    else group.push(item)
  }
  return found
}

function reduce({ list, at, frame, slots }: Loop, initial: Value | undefined): Value {
  if (list.length === 0 && initial === undefined) {
    throw new Error('reduce of empty array with no initial value')
  }
  let result: Value = initial === undefined ? list[0]! : initial
  for (let index = initial === undefined ? 1 : 0; index < list.length; index++) {
    frame.slots[slots.accumulator] = result
    result = at(index)
  }
  return result
}

function sum({ list, at, frame }: Loop): Value {
  const add = operations.get('+')!
  return list.reduce<Value>((total, _, index) => add(at(index), total, frame), 0)
}

const runs: Readonly<Record<string, Run>> = {
  all: ({ list, holds }) => list.every((_, index) => holds(index)),
  any: (loop) => first(loop) >= 0,
  none: (loop) => first(loop) < 0,
  one: (loop) => places(loop).length === 1,
  filter: (loop) => places(loop).map((index) => loop.list[index]!),
  map: ({ list, at }) => list.map((_, index) => at(index)),
  count: (loop) => places(loop).length,
  sum,
  find: (loop) => itemAt(loop, first(loop)),
  findIndex: (loop) => indexOrNil(first(loop)),
  findLast: (loop) => itemAt(loop, last(loop)),
  findLastIndex: (loop) => indexOrNil(last(loop)),
  groupBy: groups,
  sortBy: ({ list, at }, order = 'asc') =>
    sorted(
      list,
      list.map((_, index) => at(index)),
      order,
    ),
  reduce,
}
