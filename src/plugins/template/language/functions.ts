import { comparisons } from './compare.ts'
import { escapers } from './escape.ts'
import { parseUint } from './parse-uint.ts'
import { printf } from './printf.ts'
import { show } from './show.ts'
import { TemplateError } from './token.ts'
import { type Callable, Dict, Int, List, truth, typeOf, type Value, zeroOf } from './values.ts'

/** A string of Go is one of octets; most are ASCII, where those are characters. */
function octets(text: string): Buffer {
  return Buffer.from(text)
}

function indexIn(index: Value, length: number, kind: string): number {
  if (index === undefined || index === null) {
    throw new TemplateError(`cannot ${kind} slice/array with nil`)
  }
  if (!(index instanceof Int)) {
    throw new TemplateError(`cannot ${kind} slice/array with type ${typeOf(index)}`)
  }
  if (index.value < 0n || index.value > BigInt(length)) {
    throw new TemplateError(`index out of range: ${index.value}`)
  }
  return Number(index.value)
}

function at(item: Value, index: Value): Value {
  if (item === undefined || item === null) throw new TemplateError('index of untyped nil')
  if (item instanceof Dict) {
    if (typeof index !== 'string') {
      const given = index === undefined || index === null ? null : typeOf(index)
      throw new TemplateError(
        given === null
          ? 'value is nil; should be of type string'
          : `value has type ${given}; should be string`,
      )
    }
    return item.entries.has(index) ? item.entries.get(index) : zeroOf(item.element)
  }
  const elements =
    item instanceof List ? item.items : typeof item === 'string' ? octets(item) : null
  if (elements === null) throw new TemplateError(`can't index item of type ${typeOf(item)}`)
  const element = elements[indexIn(index, elements.length - 1, 'index')]
  return typeof element === 'number' ? new Int(element, 'uint8') : element
}

function slice([item, ...indexes]: readonly Value[]): Value {
  if (item === undefined || item === null) throw new TemplateError('slice of untyped nil')
  if (indexes.length > 3) throw new TemplateError(`too many slice indexes: ${indexes.length}`)
  if (typeof item === 'string' && indexes.length === 3) {
    throw new TemplateError('cannot 3-index slice a string')
  }
  const elements =
    item instanceof List ? item.items : typeof item === 'string' ? octets(item) : null
  if (elements === null) throw new TemplateError(`can't slice item of type ${typeOf(item)}`)
  const bounds = [0, elements.length, elements.length]
  indexes.forEach((index, i) => (bounds[i] = indexIn(index, elements.length, 'slice')))
  const [from = 0, to = 0, cap = 0] = bounds
  if (from > to) throw new TemplateError(`invalid slice index: ${from} > ${to}`)
  if (indexes.length === 3 && to > cap) {
    throw new TemplateError(`invalid slice index: ${to} > ${cap}`)
  }
  return item instanceof List
    ? new List(item.items.slice(from, to), item.element)
    : (elements as Buffer).toString('utf8', from, to)
}

function len(item: Value): number {
  if (item === undefined || item === null) throw new TemplateError('len of nil pointer')
  if (typeof item === 'string') return Buffer.byteLength(item)
  if (item instanceof List) return item.items.length
  if (item instanceof Dict) return item.entries.size
  throw new TemplateError(`len of type ${typeOf(item)}`)
}

/** As Go's `fmt.Sprint`: a space between two of which neither is a string. */
function print(args: readonly Value[]): string {
  let text = ''
  args.forEach((value, i) => {
    const apart = i > 0 && typeof value !== 'string' && typeof args[i - 1] !== 'string'
    text += (apart ? ' ' : '') + show(value)
  })
  return text
}

const values = (call: (args: readonly Value[]) => Value, fixed = 0): Callable => ({
  parameters: Array.from({ length: fixed }, () => 'any' as const),
  rest: 'any',
  call,
})

/** Functions of text/template, and CoreDNS's `parseInt`. `and` and `or` end early: they are the runner's. */
export const functions: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  ['and', values(([first]) => first, 1)],
  ['or', values(([first]) => first, 1)],
  ['not', { parameters: ['any'], call: ([value]) => !truth(value) }],
  ['call', values(notCallable, 1)],
  ['index', values(([item, ...indexes]) => indexes.reduce(at, item), 1)],
  ['slice', values(slice, 1)],
  ['len', { parameters: ['any'], call: ([item]) => new Int(len(item)) }],
  ['print', values(print)],
  ['println', values((args) => `${args.map(show).join(' ')}\n`)],
  [
    'printf',
    {
      parameters: ['string'],
      rest: 'any',
      call: ([format, ...args]) => printf(format as string, args),
    },
  ],
  ...escapers.map(
    ([name, escape]) => [name, values((args) => escape(print(args)))] as [string, Callable],
  ),
  ...comparisons,
  [
    'parseInt',
    {
      parameters: ['string', 'int', 'int'],
      call: ([text, base, bits]) =>
        new Int(
          parseUint(text as string, Number((base as Int).value), Number((bits as Int).value)),
          'uint64',
        ),
    },
  ],
])

/** No value that a template reaches is a function. */
function notCallable([value]: readonly Value[]): never {
  throw new TemplateError(
    value === undefined || value === null
      ? 'call of nil'
      : `non-function ${show(value)} of type ${typeOf(value)}`,
  )
}
