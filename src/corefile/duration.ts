import { valueError } from './error.ts'
import { quote } from './go-quote.ts'
import type { Token } from './token.ts'

/** Nanoseconds per unit. Both code points in use for the micro sign are accepted. */
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['\u00b5s', 1_000n],
  ['\u03bcs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
])
const MAX = 2n ** 63n - 1n

/** `12.5` of a unit in nanoseconds. Digits that cannot matter are cut: huge texts stay cheap. */
function nanoseconds(whole: string, fraction: string, unit: bigint): bigint {
  const digits = whole.replace(/^0+(?=.)/, '')
  if (digits.length > 19) return MAX + 2n
  const tail = fraction.slice(0, 18)
  const part = (BigInt(tail || '0') * unit) / 10n ** BigInt(tail.length)
  return BigInt(digits || '0') * unit + part
}

/**
 * Milliseconds of a Go duration such as `300ms`, `-1.5h` or `1h30m`; the only number without a
 * unit is 0. Errors as Go's time.ParseDuration, beyond 2^63 ns (292 years) too.
 */
export function duration(token: Token): number {
  const fail = (reason: string): Error => valueError(token, `time: ${reason}`)
  const shown = quote(token.text)
  const body = token.text.replace(/^[+-]/, '')
  if (body === '0') return 0
  if (body === '') throw fail(`invalid duration ${shown}`)
  let total = 0n
  const term = /([0-9]*)(?:\.([0-9]*))?([^0-9.]*)/y
  while (term.lastIndex < body.length) {
    const [, whole = '', fraction = '', unit = ''] = term.exec(body) ?? []
    if (whole === '' && fraction === '') throw fail(`invalid duration ${shown}`)
    if (unit === '') throw fail(`missing unit in duration ${shown}`)
    const size = UNITS.get(unit)
    if (size === undefined) throw fail(`unknown unit ${quote(unit)} in duration ${shown}`)
    total += nanoseconds(whole, fraction, size)
    if (total > MAX + 1n) throw fail(`invalid duration ${shown}`)
  }
  const negative = token.text.startsWith('-')
  if (total > MAX && !negative) throw fail(`invalid duration ${shown}`)
  // Nanoseconds of more than a hundred days have no exact number, their milliseconds have.
  const milliseconds = Number(total / 1_000_000n) + Number(total % 1_000_000n) / 1e6
  return negative ? -milliseconds : milliseconds
}

/** Milliseconds as Go prints a duration (`1h0m0s`, `1.5s`, `300ms`, `0s`), for error messages. */
export function formatDuration(milliseconds: number): string {
  const size = Math.abs(milliseconds)
  const sign = milliseconds < 0 ? '-' : ''
  if (size === 0) return '0s'
  if (size < 0.001) return `${sign}${Math.round(size * 1e6)}ns`
  if (size < 1) return `${sign}${trim(size * 1e3, 3)}µs`
  if (size < 1_000) return `${sign}${trim(size, 6)}ms`
  const hours = Math.floor(size / 3_600_000)
  const minutes = Math.floor(size / 60_000) % 60
  const seconds = `${trim((size % 60_000) / 1_000, 9)}s`
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : sign + seconds
}

function trim(value: number, places: number): string {
  return String(Number(value.toFixed(places)))
}
