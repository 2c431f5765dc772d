/** The static type of an expression, as far as it is known before it runs; named as Go names it. */
export interface Type {
  readonly kind: 'unknown' | 'nil' | 'bool' | 'int' | 'float' | 'string' | 'array' | 'map' | 'func'
  readonly name: string
  /** Of an array's elements, or a map's values. */
  readonly element?: Type
  /** Of a function. */
  readonly parameters?: readonly Type[]
  readonly result?: Type
}

export const unknown: Type = { kind: 'unknown', name: 'unknown' }
export const nil: Type = { kind: 'nil', name: 'unknown' }
export const bool: Type = { kind: 'bool', name: 'bool' }
export const int: Type = { kind: 'int', name: 'int' }
export const float: Type = { kind: 'float', name: 'float64' }
export const string: Type = { kind: 'string', name: 'string' }
export const map: Type = { kind: 'map', name: 'map[string]interface {}', element: unknown }

/** An array that is made by an expression: Go has it as one of anything. */
export function arrayOf(element: Type): Type {
  return { kind: 'array', name: '[]interface {}', element }
}

export const anyArray: Type = arrayOf(unknown)
export const ints: Type = arrayOf(int)
export const strings: Type = { kind: 'array', name: '[]string', element: string }

/** A function that an environment lends. */
export function func(parameters: readonly Type[], result: Type): Type {
  const name = `func(${parameters.map((type) => type.name).join(', ')}) ${result.name}`
  return { kind: 'func', name, parameters, result }
}

export const isUnknown = ({ kind }: Type): boolean => kind === 'unknown'
export const isNumber = ({ kind }: Type): boolean => kind === 'int' || kind === 'float'

/** Whether a value of type `from` may stand where `to` is wanted. */
export function assignable(from: Type, to: Type): boolean {
  if (to.kind === 'unknown') return true
  if (from.kind !== to.kind) return false
  return from.kind !== 'array' || to.name === '[]interface {}' || from.name === to.name
}

/** Whether `==` makes sense between them. */
export function comparable(a: Type, b: Type): boolean {
  const anything = [a, b].some(({ kind }) => kind === 'unknown' || kind === 'nil')
  return anything || (isNumber(a) && isNumber(b)) || a.kind === b.kind
}

/** Whether both are of one of these kinds, as far as is known. */
export function compatible(a: Type, b: Type, kinds: readonly Type['kind'][]): boolean {
  if (isUnknown(a)) return isUnknown(b) || kinds.includes(b.kind)
  return isUnknown(b) && kinds.includes(a.kind)
}
