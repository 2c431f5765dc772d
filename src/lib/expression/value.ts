/** A number with a fraction's type: Go tells 2.0 from 2, and so do texts made of them. */
export class Float {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/** A function of the environment; a failure is an Error with the reason as its message. */
type Callable = (...args: readonly Value[]) => Value

/** What an expression works with. Numbers are integers; maps keep the order of their making. */
export type Value =
  null | boolean | number | Float | string | readonly Value[] | ReadonlyMap<Value, Value> | Callable

/** An array, not a map or function. */
export function isArray(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

export function isMap(value: Value): value is ReadonlyMap<Value, Value> {
  return value instanceof Map
}

export function isNumeric(value: Value): value is number | Float {
  return typeof value === 'number' || value instanceof Float
}

export function numberOf(value: number | Float): number {
  return typeof value === 'number' ? value : value.value
}

/** The type of a value as Go's %T writes it. */
export function typeName(value: Value): string {
  if (value === null) return '<nil>'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return 'int'
  if (value instanceof Float) return 'float64'
  if (typeof value === 'string') return 'string'
  if (isArray(value)) return '[]interface {}'
  return isMap(value) ? 'map[string]interface {}' : 'func'
}

export function equal(a: Value, b: Value): boolean {
  if (a === b) return true
  if (isNumeric(a) && isNumeric(b)) return numberOf(a) === numberOf(b)
  if (isArray(a) && isArray(b)) {
    return a.length === b.length && a.every((value, i) => equal(value, b[i]!))
  }
  if (!isMap(a) || !isMap(b) || a.size !== b.size) return false
  return [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)!))
}

/** Whether a < b; null where they cannot be compared. */
export function less(a: Value, b: Value): boolean | null {
  if (isNumeric(a) && isNumeric(b)) return numberOf(a) < numberOf(b)
  return typeof a === 'string' && typeof b === 'string' ? a < b : null
}

/** A value as Go's %v writes it. */
export function toText(value: Value): string {
  if (value === null) return '<nil>'
  if (value instanceof Float) return floatText(value.value)
  if (isArray(value)) return `[${value.map(toText).join(' ')}]`
  if (isMap(value)) {
    const pairs = [...value].map(([key, item]) => `${toText(key)}:${toText(item)}`)
    return `map[${pairs.toSorted().join(' ')}]`
  }
  return typeof value === 'function' ? 'func' : String(value)
}

/** From this power of ten on Go writes floats with an exponent. */
const FIRST_EXPONENT = 6

/** As Go's %v. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
  const [digits, exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (value === 0 || (power >= -4 && power < FIRST_EXPONENT)) {
    return Object.is(value, -0) ? '-0' : value.toString()
  }
  const sign = power < 0 ? '-' : '+'
  return `${digits}e${sign}${String(Math.abs(power)).padStart(2, '0')}`
}
