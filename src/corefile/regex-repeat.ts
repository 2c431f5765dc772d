import { matchAt, regexError } from './regex-escape.ts'

/** Something a repetition can apply to, already translated. */
export interface Item {
  readonly source: string
  /** How often its innermost part is repeated by nested counts. */
  readonly weight: number
  /** True where it holds a capturing group: a copy of it would be another group. */
  readonly captures: boolean
  /** False where a quantifier behind the source would not apply to all of it. */
  readonly atom: boolean
}

/** A repetition operator; `max` may be Infinity. */
export interface Repetition {
  readonly min: number
  readonly max: number
  readonly lazy: boolean
  readonly start: number
  readonly end: number
}

/** RE2's bound for a count, and for the product of nested ones. */
const MAX_COUNT = 1_000
/** The largest count that V8's linear-time engine takes. */
const MAX_LINEAR_COUNT = 16
/** Characters that all copies of an item may have together. */
const MAX_COPIES = 1 << 16

const COUNT = '0|[1-9][0-9]*'
const REPETITION = new RegExp(`(?:([*+?])|\\{(${COUNT})(,(${COUNT})?)?\\})(\\??)`, 'y')
const SIGNS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['*', [0, Infinity]],
  ['+', [1, Infinity]],
  ['?', [0, 1]],
])

/** The repetition operator at `at`, or null: a brace that does not hold counts is a literal. */
export function repetitionAt(pattern: string, at: number): Repetition | null {
  const match = matchAt(pattern, at, REPETITION)
  if (match === null) return null
  const [all, sign = '', low = '', comma, high, question] = match
  const exact = Number(low)
  const most = comma === undefined ? exact : Number(high ?? exact)
  const open = comma !== undefined && high === undefined
  const [min, max] = SIGNS.get(sign) ?? [exact, open ? Infinity : most]
  const end = at + all.length
  if (min > max || exact > MAX_COUNT || most > MAX_COUNT) {
    throw regexError('invalid repeat count', pattern.slice(at, end - (question ?? '').length))
  }
  return { min, max, lazy: question === '?', start: at, end }
}

/** The item repeated, or null where nested counts multiply beyond RE2's bound. */
export function repeat(item: Item, repetition: Repetition, swapGreed: boolean): Item | null {
  const { min, max } = repetition
  const times = max === Infinity ? min : max
  const weight = max === 0 ? 0 : item.weight * Math.max(times, 1)
  if (weight > MAX_COUNT) return null
  const lazy = repetition.lazy === swapGreed ? '' : '?'
  const atom = item.atom ? item.source : `(?:${item.source})`
  const source = item.captures ? `${atom}${counts(min, max)}${lazy}` : split(atom, min, max, lazy)
  return { source, weight, captures: item.captures, atom: false }
}

function counts(min: number, max: number): string {
  for (const [sign, [low, high]] of SIGNS) {
    if (low === min && high === max) return sign
  }
  return min === max ? `{${min}}` : `{${min},${max === Infinity ? '' : max}}`
}

/** A quantified atom whose counts stay within the linear engine's: beyond them a short one is copied. */
function split(atom: string, min: number, max: number, lazy: string): string {
  const step = MAX_LINEAR_COUNT
  const bounded = max === Infinity ? min : max
  if (bounded <= step || atom.length * bounded > MAX_COPIES)
    return `${atom}${counts(min, max)}${lazy}`
  const rest = min % step === 0 ? '' : `${atom}{${min % step}}`
  const required = `${atom}{${step}}`.repeat(Math.floor(min / step)) + rest
  if (max === Infinity) return `${required}${atom}*${lazy}`
  // (?:a(?:a(?:a)?)?)? and not a?a?a?, which can take two letters in three ways.
  const optional = max - min
  return required + `(?:${atom}`.repeat(optional) + `)?${lazy}`.repeat(optional)
}
