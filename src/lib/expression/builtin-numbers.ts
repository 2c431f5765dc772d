import type { Budget } from './budget.ts'
import { type Builtin, oneOf, typed } from './builtin.ts'
import { float, int, type Type, unknown } from './types.ts'
import { Float, isArray, isNumeric, less, numberOf, typeName, type Value } from './value.ts'

const numbers: readonly Type['kind'][] = ['int', 'float']

function number(name: string, value: Value | undefined): number | Float {
  if (value !== undefined && isNumeric(value)) return value
  throw new Error(`invalid argument for ${name} (type ${typeName(value ?? null)})`)
}

const rounded = (name: string, round: (value: number) => number): Builtin =>
  oneOf(
    numbers,
    (type) => `invalid argument for ${name} (type ${type})`,
    () => float,
    ([value]) => new Float(round(numberOf(number(name, value)))),
  )

/** All numbers of the arguments, those in arrays too. */
function* each(name: string, args: readonly Value[], budget: Budget): Generator<number | Float> {
  for (const value of args) {
    budget.spend(1)
    if (isArray(value)) yield* each(name, value, budget)
    else yield number(name, value)
  }
}

/** A function of any number of numbers and arrays of them. */
const aggregate = (name: string, run: (values: readonly (number | Float)[]) => Value): Builtin => ({
  validate: (args) => {
    if (args.length === 0) return `not enough arguments to call ${name}`
    for (const type of args) {
      if (type.kind === 'array' || type.kind === 'unknown') return unknown
      if (!numbers.includes(type.kind)) return `invalid argument for ${name} (type ${type.name})`
    }
    return args[0]!
  },
  run: (args, budget) => run([...each(name, args, budget)]),
})

const extreme = (name: string, better: (a: Value, b: Value) => boolean | null): Builtin =>
  aggregate(name, (values) =>
    values.reduce<Value>(
      (best, value) => (best === null || better(value, best) === true ? value : best),
      null,
    ),
  )

function mean(values: readonly (number | Float)[]): Float {
  const sum = values.reduce<number>((total, value) => total + numberOf(value), 0)
  return new Float(values.length === 0 ? 0 : sum / values.length)
}

function median(values: readonly (number | Float)[]): Float {
  const sorted = values.map(numberOf).toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  if (sorted.length === 0) return new Float(0)
  return new Float(
    sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2,
  )
}

/** An integer that numbers here hold exactly. */
export function exactInteger(value: number): number {
  if (!Number.isSafeInteger(value)) throw new Error('integer out of range')
  return value
}

/** A function of the bits of integers, of which there are 64. */
const bits = (name: string, run: (x: bigint, y: bigint) => bigint): Builtin =>
  typed([[int, int]], int, (args) => {
    const [x, y] = args.map((value) => {
      if (typeof value === 'number') return BigInt(value)
      throw new Error(`cannot use ${typeName(value)} as argument (type int) to call ${name}`)
    })
    return exactInteger(Number(BigInt.asIntN(64, run(x!, y!))))
  })

const shift = (name: string, run: (x: bigint, by: bigint) => bigint): Builtin =>
  bits(name, (x, by) => {
    if (by < 0n) throw new Error(`invalid operation: negative shift count ${by} (type int)`)
    return run(x, by > 64n ? 64n : by)
  })

function toInteger(value: Value | undefined): Value {
  if (typeof value === 'string') {
    if (!/^[+-]?\d+$/.test(value)) throw new Error(`invalid operation: int(${value})`)
    return exactInteger(Number(value))
  }
  if (value === undefined || !isNumeric(value)) {
    throw new Error(`invalid operation: int(${typeName(value ?? null)})`)
  }
  return exactInteger(Math.trunc(numberOf(value)))
}

function toFloat(value: Value | undefined): Value {
  if (typeof value === 'string') {
    const found = value.trim() === value && value !== '' ? Number(value) : Number.NaN
    if (Number.isNaN(found)) throw new Error(`invalid operation: float(${value})`)
    return new Float(found)
  }
  if (value !== undefined && isNumeric(value)) return new Float(numberOf(value))
  throw new Error(`invalid operation: float(${typeName(value ?? null)})`)
}

export const numberBuiltins: Readonly<Record<string, Builtin>> = {
  abs: oneOf(
    numbers,
    (type) => `invalid argument for abs (type ${type})`,
    (type) => type,
    ([value]) => {
      const given = number('abs', value)
      return given instanceof Float ? new Float(Math.abs(given.value)) : Math.abs(given)
    },
  ),
  ceil: rounded('ceil', Math.ceil),
  floor: rounded('floor', Math.floor),
  // Half away from zero.
  round: rounded('round', (value) => Math.sign(value) * Math.round(Math.abs(value))),
  int: oneOf(
    [...numbers, 'string'],
    (type) => `invalid argument for int (type ${type})`,
    () => int,
    ([value]) => toInteger(value),
  ),
  float: oneOf(
    [...numbers, 'string'],
    (type) => `invalid argument for float (type ${type})`,
    () => float,
    ([value]) => toFloat(value),
  ),
  max: extreme('max', (a, b) => less(b, a)),
  min: extreme('min', less),
  mean: aggregate('mean', mean),
  median: aggregate('median', median),
  bitand: bits('bitand', (x, y) => x & y),
  bitor: bits('bitor', (x, y) => x | y),
  bitxor: bits('bitxor', (x, y) => x ^ y),
  bitnand: bits('bitnand', (x, y) => x & ~y),
  bitshl: shift('bitshl', (x, by) => x << by),
  bitshr: shift('bitshr', (x, by) => x >> by),
  bitushr: shift('bitushr', (x, by) => BigInt.asUintN(64, x) >> by),
  bitnot: typed([[int]], int, ([value]) => -1 - numberOf(number('bitnot', value))),
}
