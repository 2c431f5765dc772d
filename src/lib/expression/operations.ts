import { exactInteger } from './builtin-numbers.ts'
import type { Frame } from './frame.ts'
import {
  equal,
  Float,
  isArray,
  isMap,
  isNumeric,
  less,
  numberOf,
  toText,
  typeName,
  type Value,
} from './value.ts'

/** A binary operation whose sides have both been evaluated. Throws Error. */
export type Operation = (a: Value, b: Value, frame: Frame) => Value

function mismatch(operator: string, a: Value, b: Value): never {
  throw new Error(`invalid operation: ${typeName(a)} ${operator} ${typeName(b)}`)
}

const arithmetic =
  (operator: string, run: (a: number, b: number) => number): Operation =>
  (a, b) => {
    if (!isNumeric(a) || !isNumeric(b)) return mismatch(operator, a, b)
    const result = run(numberOf(a), numberOf(b))
    const isInteger = typeof a === 'number' && typeof b === 'number'
    return isInteger ? exactInteger(result) : new Float(result)
  }

/** An operation that gives a float whatever it is given. */
const fraction =
  (operator: string, run: (a: number, b: number) => number): Operation =>
  (a, b) =>
    isNumeric(a) && isNumeric(b)
      ? new Float(run(numberOf(a), numberOf(b)))
      : mismatch(operator, a, b)

const order =
  (operator: string, run: (a: Value, b: Value) => boolean | null): Operation =>
  (a, b) =>
    run(a, b) ?? mismatch(operator, a, b)

/** Not less the other way round, which NaN makes of both. */
const orEqual =
  (run: (a: Value, b: Value) => boolean | null) =>
  (a: Value, b: Value): boolean | null => {
    const before = run(a, b)
    return before === null ? null : before || equal(a, b)
  }

const ofStrings =
  (operator: string, run: (a: string, b: string) => boolean): Operation =>
  (a, b) =>
    typeof a === 'string' && typeof b === 'string' ? run(a, b) : mismatch(operator, a, b)

const sum = arithmetic('+', (a, b) => a + b)
const greater = (a: Value, b: Value): boolean | null => less(b, a)

function add(a: Value, b: Value, frame: Frame): Value {
  if (typeof a !== 'string' || typeof b !== 'string') return sum(a, b, frame)
  frame.budget.spend(a.length + b.length)
  return a + b
}

function remainder(a: Value, b: Value): Value {
  if (typeof a !== 'number' || typeof b !== 'number') return mismatch('%', a, b)
  if (b === 0) throw new Error('integer divide by zero')
  // JavaScript has -0, Go's integers do not.
  return (a % b) + 0
}

function range(from: Value, to: Value, { budget }: Frame): Value {
  if (typeof from !== 'number' || typeof to !== 'number') return mismatch('..', from, to)
  const size = Math.max(0, to - from + 1)
  budget.spend(size)
  return Array.from({ length: size }, (_, i) => from + i)
}

function within(a: Value, b: Value, { budget }: Frame): Value {
  if (b === null) return false
  if (isMap(b)) return b.has(a)
  if (!isArray(b)) throw new Error(`operator "in" not defined on ${typeName(b)}`)
  budget.spend(b.length)
  return b.some((item) => equal(item, a))
}

/** `in` a range: no array of its numbers is made. Throws Error. */
export function inRange(a: Value, from: Value, to: Value): Value {
  if (typeof from !== 'number' || typeof to !== 'number') return mismatch('..', from, to)
  if (!isNumeric(a)) return false
  const value = numberOf(a)
  return Number.isInteger(value) && value >= from && value <= to
}

export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['==', (a, b) => equal(a, b)],
  ['!=', (a, b) => !equal(a, b)],
  ['<', order('<', less)],
  ['>', order('>', greater)],
  ['>=', order('>=', orEqual(greater))],
  ['<=', order('<=', orEqual(less))],
  ['+', add],
  ['-', arithmetic('-', (a, b) => a - b)],
  ['*', arithmetic('*', (a, b) => a * b)],
  ['/', fraction('/', (a, b) => a / b)],
  ['**', fraction('**', (a, b) => a ** b)],
  ['^', fraction('^', (a, b) => a ** b)],
  ['%', remainder],
  ['..', range],
  ['in', within],
  ['contains', ofStrings('contains', (a, b) => a.includes(b))],
  ['startsWith', ofStrings('startsWith', (a, b) => a.startsWith(b))],
  ['endsWith', ofStrings('endsWith', (a, b) => a.endsWith(b))],
])

/** Throws Error. */
export function negate(value: Value): Value {
  if (value instanceof Float) return new Float(-value.value)
  if (typeof value !== 'number') throw new Error(`invalid operation: - ${typeName(value)}`)
  return 0 - value
}

/** An element of an array, a value of a map. Throws Error. */
export function fetch(from: Value, at: Value): Value {
  if (isMap(from)) return from.get(at) ?? null
  if (!isArray(from)) throw new Error(`cannot fetch ${toText(at)} from ${typeName(from)}`)
  const index = integerOf(at)
  const item = from.at(index)
  if (item !== undefined) return item
  const place = index < 0 ? index + from.length : index
  throw new Error(`index out of range: ${place} (array length is ${from.length})`)
}

function integerOf(value: Value): number {
  if (isNumeric(value)) return Math.trunc(numberOf(value))
  throw new Error(`invalid operation: int(${typeName(value)})`)
}

/** A part of an array, or of a string by octets; null bounds are its ends. Throws Error. */
export function slice(of: Value, from: Value, to: Value, { budget }: Frame): Value {
  const start = from === null ? undefined : integerOf(from)
  const end = to === null ? undefined : integerOf(to)
  if (isArray(of)) {
    budget.spend(of.length)
    return of.slice(start, end)
  }
  if (typeof of !== 'string') throw new Error(`cannot slice ${typeName(of)}`)
  budget.spend(of.length)
  return Buffer.from(of).subarray(start, end).toString()
}
