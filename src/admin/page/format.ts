import { markup, type Markup } from './markup.ts'

/** `1,234`. */
export function count(value: number): string {
  const digitsOnly = String(Math.round(value))
  return digitsOnly.length < 4 ? digitsOnly : digitsOnly.replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** `1 query`, `1,234 queries`. */
export function counted(value: number, one: string, many: string): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** A number that is small at times, in three digits: `0.25`, `3.4`, `120`, `1,240`. */
export function digits(value: number): string {
  if (value >= 10 || value === 0) return count(value)
  const places = value >= 1 ? 1 : value >= 0.01 ? 2 : 3
  return String(Number(value.toFixed(places)))
}

/** A share of 1. All and nothing are said only of all and nothing. */
export function percent(share: number): string {
  const value = share * 100
  if (share <= 0) return '0 %'
  if (value < 0.1) return '< 0.1 %'
  if (value > 99.9 && value < 100) return '> 99.9 %'
  return `${value >= 99.95 ? '100' : Number(value.toFixed(1))} %`
}

/** `0.25 ms`, `12 ms`, `1.5 s`. */
export function duration(ms: number): string {
  return ms >= 1_000 ? `${digits(Number((ms / 1_000).toPrecision(3)))} s` : `${digits(ms)} ms`
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const

/** How long something lasted or lies back, in the two largest units: `12 s`, `3 min`, `2 h 5 min`, `4 d 1 h`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  const at = UNITS.findIndex(([, size]) => seconds >= size)
  if (at < 0) return `${seconds} s`
  const [unit, size] = UNITS[at]!
  const next = UNITS[at + 1]
  const whole = `${count(Math.floor(seconds / size))} ${unit}`
  const rest = next === undefined ? 0 : Math.floor((seconds % size) / next[1])
  return rest === 0 ? whole : `${whole} ${rest} ${next![0]}`
}

/** `512 B`, `1.5 KiB`, `82 MiB`. */
export function bytes(value: number): string {
  if (value < 1_024) return `${count(value)} B`
  const [size, unit] =
    value >= 2 ** 30 ? [2 ** 30, 'GiB'] : value >= 2 ** 20 ? [2 ** 20, 'MiB'] : [1_024, 'KiB']
  return `${digits(value / size)} ${unit}`
}

/** The time of day in UTC of an ISO 8601 time, with the date where it is not today's. */
export function time(iso: string, now: string): Markup {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(iso)
  if (found === null) return markup`<time>${iso}</time>`
  const [, date = '', clock = ''] = found
  const text = date === now.slice(0, 10) ? clock : `${date} ${clock}`
  return markup`<time datetime="${iso}">${text}</time>`
}

/** Milliseconds between two ISO 8601 times; 0 where one is none. */
export function between(from: string, to: string): number {
  const ms = Date.parse(to) - Date.parse(from)
  return Number.isFinite(ms) ? Math.max(0, ms) : 0
}

/** The first of a list, and how many there are besides. */
export function firstOf<T>(
  list: readonly T[],
  most: number,
): { shown: readonly T[]; more: number } {
  return { shown: list.slice(0, most), more: Math.max(0, list.length - most) }
}

/** `a, b, c and 7 more`. */
export function names(list: readonly string[], most = 3): string {
  const { shown, more } = firstOf(list, most)
  if (more > 0) return `${shown.join(', ')} and ${count(more)} more`
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
}
