import type { Budget } from './budget.ts'
import { type Builtin, typed } from './builtin.ts'
import { anyArray, bool, int, string, strings, unknown } from './types.ts'
import { isArray, toText, typeName, type Value } from './value.ts'

const text = (value: Value | undefined): string => {
  if (typeof value === 'string') return value
  throw new Error(`interface conversion: interface {} is ${typeName(value ?? null)}, not string`)
}
const count = (value: Value | undefined): number => {
  if (typeof value === 'number') return value
  throw new Error(`invalid operation: int(${typeName(value ?? null)})`)
}

/** A string made of others, paid for. */
function paid(made: string, budget: Budget): string {
  budget.spend(made.length)
  return made
}

const one = (run: (given: string, budget: Budget) => Value): Builtin =>
  typed([[string]], string, ([a], budget) => run(text(a), budget))
const affix = (run: (given: string, fix: string) => string): Builtin =>
  typed([[string, string], [string]], string, ([a, b = ' ']) => run(text(a), text(b)))
const test = (run: (given: string, part: string) => boolean): Builtin =>
  typed([[string, string]], bool, ([a, b]) => run(text(a), text(b)))
const place = (run: (given: string, part: string) => number): Builtin =>
  typed([[string, string]], int, ([a, b]) => octetsBefore(text(a), run(text(a), text(b))))

/** Positions in strings are counted in octets of UTF-8. */
function octetsBefore(given: string, at: number): number {
  return at < 0 ? at : Buffer.byteLength(given.slice(0, at))
}

/** Parts of a string, `limit` of them at most where it is not negative; each keeps `kept` of what follows. */
function split(given: string, delimiter: string, limit: number, kept: string): readonly string[] {
  if (limit === 0) return []
  const parts = delimiter === '' ? Array.from(given) : given.split(delimiter)
  const whole = limit < 0 ? parts.length : Math.min(limit, parts.length)
  if (whole === 0) return parts
  const last = parts.slice(whole - 1).join(delimiter)
  return [...parts.slice(0, whole - 1).map((part) => part + kept), last]
}

const splitter = (kept: boolean): Builtin =>
  typed(
    [
      [string, string, int],
      [string, string],
    ],
    strings,
    ([a, b, n = -1], budget) => {
      const [given, delimiter] = [text(a), text(b)]
      budget.spend(given.length)
      return split(given, delimiter, count(n), kept ? delimiter : '')
    },
  )

function trim(given: string, chars: string): string {
  const set = new Set(chars)
  const all = Array.from(given)
  const start = all.findIndex((c) => !set.has(c))
  if (start < 0) return ''
  return all.slice(start, all.findLastIndex((c) => !set.has(c)) + 1).join('')
}

function replace(given: string, old: string, by: string, limit: number, budget: Budget): string {
  const places = old === '' ? given.length + 1 : given.split(old).length - 1
  const times = limit < 0 ? places : Math.min(limit, places)
  budget.spend(given.length + times * by.length)
  if (times === 0) return given
  if (old !== '') {
    const parts = split(given, old, times + 1, '')
    return parts.join(by)
  }
  const chars = Array.from(given)
  const before = chars.slice(0, times).map((c) => by + c)
  const rest = chars.slice(times).join('')
  return before.join('') + (times > chars.length ? by : '') + rest
}

function join(list: Value | undefined, glue: string, budget: Budget): string {
  if (list === undefined || !isArray(list)) {
    throw new Error(`invalid argument for join (type ${typeName(list ?? null)})`)
  }
  const parts = list.map((item) => text(item))
  budget.spend(parts.reduce((sum, part) => sum + part.length + glue.length, 0))
  return parts.join(glue)
}

export const stringBuiltins: Readonly<Record<string, Builtin>> = {
  upper: one((given, budget) => paid(given.toUpperCase(), budget)),
  lower: one((given, budget) => paid(given.toLowerCase(), budget)),
  trim: typed([[string, string], [string]], string, ([a, b]) =>
    b === undefined ? text(a).trim() : trim(text(a), text(b)),
  ),
  trimPrefix: affix((a, b) => (a.startsWith(b) ? a.slice(b.length) : a)),
  trimSuffix: affix((a, b) => (a.endsWith(b) ? a.slice(0, a.length - b.length) : a)),
  hasPrefix: test((a, b) => a.startsWith(b)),
  hasSuffix: test((a, b) => a.endsWith(b)),
  indexOf: place((a, b) => a.indexOf(b)),
  lastIndexOf: place((a, b) => a.lastIndexOf(b)),
  split: splitter(false),
  splitAfter: splitter(true),
  replace: typed(
    [
      [string, string, string, int],
      [string, string, string],
    ],
    string,
    ([a, b, c, n = -1], budget) => replace(text(a), text(b), text(c), count(n), budget),
  ),
  repeat: typed([[string, int]], string, ([a, n], budget) => {
    const [given, times] = [text(a), count(n)]
    if (times < 0) {
      throw new Error(`invalid argument for repeat (expected positive integer, got ${times})`)
    }
    budget.spend(Math.max(given.length, 1) * times)
    return given.repeat(times)
  }),
  join: typed([[anyArray, string], [anyArray]], string, ([list, glue = ''], budget) =>
    join(list, text(glue), budget),
  ),
  string: typed([[unknown]], string, ([value = null], budget) => {
    // What has many elements is paid for before it becomes a string.
    if (isArray(value)) budget.spend(value.length)
    return paid(toText(value), budget)
  }),
  toBase64: one((given, budget) => paid(Buffer.from(given).toString('base64'), budget)),
  fromBase64: one((given, budget) => {
    const bad = /[^A-Za-z0-9+/=]/.exec(given)?.index ?? (given.length % 4 === 0 ? -1 : given.length)
    if (bad >= 0) throw new Error(`illegal base64 data at input byte ${bad}`)
    return paid(Buffer.from(given, 'base64').toString(), budget)
  }),
}
