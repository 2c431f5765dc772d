import { Dict, Float, Int, isStruct, List, type Value } from './values.ts'

/** A value as Go's `fmt.Fprint` shows it (`%v`). */
export function show(value: Value): string {
  if (value === undefined || value === null) return '<nil>'
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (value instanceof Int) return String(value.value)
  if (value instanceof Float) return showFloat(value.value)
  if (value instanceof List) return `[${value.items.map(show).join(' ')}]`
  if (value instanceof Dict) {
    return `map[${sortedEntries(value)
      .map(([key, item]) => `${key}:${show(item)}`)
      .join(' ')}]`
  }
  const text = value.methods['String']
  if (text !== undefined && value.isNil !== true) return text.call([], unlimited) as string
  if (value.isNil === true) return '<nil>'
  const inner = Object.values(value.fields).map((field) => nested(field()))
  return `${value.type.startsWith('*') ? '&' : ''}{${inner.join(' ')}}`
}

/** `String()` of what a struct is shown by makes no values. */
const unlimited = { spend(): void {} } as never

/** Pointers inside structs are addresses in Go; here they are shown by their type. */
function nested(value: Value): string {
  return isStruct(value) && value.type.startsWith('*') ? value.type : show(value)
}

/** Go's `%g` with the shortest digits, as `%v` prints floats: with an exponent from 1e+06 on. */
export function showFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const size = Math.abs(value)
  if (value !== 0 && (size < 1e-4 || size >= 1e6)) return exponential(value)
  return String(value)
}

/** `1e-07`: two digits of exponent at least. */
export function exponential(value: number, digits?: number): string {
  return value.toExponential(digits).replace(/e([-+])(\d)$/, 'e$10$2')
}

/** A map's entries in the order that Go shows them and ranges over them. */
export function sortedEntries(dict: Dict): (readonly [string, Value])[] {
  return [...dict.entries].toSorted(([a], [b]) => (a < b ? -1 : 1))
}
