import type { Budget } from './budget.ts'
import { Float, isArray, isMap, toText, typeName, type Value } from './value.ts'

/** A value as Go's JSON has it, indented by two spaces. Throws Error. */
export function toJson(value: Value, budget: Budget): string {
  const text = JSON.stringify(plain(value, budget), null, 2)
  budget.spend(text.length)
  return text.replaceAll(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function plain(value: Value, budget: Budget): unknown {
  budget.spend(1)
  if (value instanceof Float) {
    if (Number.isFinite(value.value)) return value.value
    throw new Error('json: unsupported value')
  }
  if (isArray(value)) return value.map((item) => plain(item, budget))
  if (isMap(value)) {
    const pairs = [...value].map(([key, item]) => [toText(key), plain(item, budget)] as const)
    return Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }
  if (typeof value === 'function') throw new Error('json: unsupported type: func')
  return value
}

/** What a JSON text says; its numbers are floats, as Go reads them. Throws Error. */
export function fromJson(text: Value | undefined, budget: Budget): Value {
  if (typeof text !== 'string') {
    throw new Error(`interface conversion: interface {} is ${typeName(text ?? null)}, not string`)
  }
  budget.spend(text.length)
  return valueOf(JSON.parse(text) as Json)
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

function valueOf(json: Json): Value {
  if (typeof json === 'number') return new Float(json)
  if (json === null || typeof json !== 'object') return json
  if (Array.isArray(json)) return (json as readonly Json[]).map(valueOf)
  return new Map(Object.entries(json).map(([key, item]) => [key, valueOf(item)]))
}
