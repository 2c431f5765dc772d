import { TemplateError } from './token.ts'

/** An integer of Go: its type decides what it can be compared with, not how it is shown. */
export class Int {
  readonly value: bigint
  readonly type: string

  constructor(value: bigint | number, type: string = 'int') {
    this.value = BigInt(value)
    this.type = type
  }
}

/** A float64. */
export class Float {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/** A slice; its elements are of one type. */
export class List {
  readonly items: readonly Value[]
  readonly element: string

  constructor(items: readonly Value[], element: string) {
    this.items = items
    this.element = element
  }
}

/** A map with strings for keys. */
export class Dict {
  readonly entries: ReadonlyMap<string, Value>
  readonly element: string

  constructor(entries: ReadonlyMap<string, Value>, element: string) {
    this.entries = entries
    this.element = element
  }
}

/** A method, or a function that templates may call. */
export interface Callable {
  /** Types of its fixed parameters: `any` takes whatever there is. */
  readonly parameters: readonly Parameter[]
  /** Type of all that follows, where more may. */
  readonly rest?: Parameter
  /** Throws TemplateError where it fails. */
  call(args: readonly Value[], budget: Budget): Value
}

export type Parameter = 'any' | 'string' | 'int'

/** A struct, or a pointer to one: fields are read when they are asked for. */
export interface Struct {
  /** As Go prints it: `*dns.Question`. */
  readonly type: string
  /** True for a pointer that leads nowhere. */
  readonly isNil?: boolean
  readonly fields: Readonly<Record<string, () => Value>>
  readonly methods: Readonly<Record<string, Callable>>
}

/** A value: null is nil, undefined is what a map has for a key that is not there. */
export type Value = undefined | null | boolean | string | Int | Float | List | Dict | Struct

/** A variable of a template, its `$` included. */
export interface Variable {
  readonly name: string
  value: Value
}

/** What one run of a template may still cost. */
export class Budget {
  #left: number

  constructor(steps: number) {
    this.#left = steps
  }

  /** Takes a step, and one for every sixteen characters made. Throws TemplateError beyond the bound. */
  spend(characters: number = 0): void {
    this.#left -= 1 + characters / 16
    if (this.#left < 0) throw new TemplateError('exceeded the bound on steps')
  }
}

/** A value's type as Go's messages name it. */
export function typeOf(value: Value): string {
  if (value === undefined || value === null) return '<nil>'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (value instanceof Float) return 'float64'
  if (value instanceof List) return `[]${value.element}`
  if (value instanceof Dict) return `map[string]${value.element}`
  return value.type
}

/** Whether `if` takes it for true: it is not the zero of its type. */
export function truth(value: Value): boolean {
  if (value === undefined || value === null) return false
  if (typeof value === 'boolean') return value
  if (typeof value === 'string') return value !== ''
  if (value instanceof Int) return value.value !== 0n
  if (value instanceof Float) return value.value !== 0
  if (value instanceof List) return value.items.length > 0
  if (value instanceof Dict) return value.entries.size > 0
  return value.isNil !== true
}

export function isStruct(value: Value): value is Struct {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Int) &&
    !(value instanceof Float) &&
    !(value instanceof List) &&
    !(value instanceof Dict)
  )
}

/** The zero of a type that maps and slices here are made of. */
export function zeroOf(type: string): Value {
  if (type === 'string') return ''
  return type === 'interface {}' ? null : undefined
}
