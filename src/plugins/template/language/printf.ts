import { quote } from '../../../corefile/go-quote.ts'
import { exponential, show, showFloat } from './show.ts'
import { Dict, Float, Int, List, typeOf, type Value } from './values.ts'

/** Wider or more precise than this is refused, as in Go. */
const MAX_WIDTH = 1_000_000
const DIRECTIVE =
  /%([-+# 0]*)(?:\[(\d+)\])?(\*|\d+)?(?:(\.)(?:\[(\d+)\])?(\*|\d+)?)?(?:\[(\d+)\])?([^]?)/gu

/** How one value is to be written. */
interface Verb {
  readonly verb: string
  readonly flags: string
  readonly width: number
  /** −1 where there is none. */
  readonly precision: number
}

/** Go's `fmt.Sprintf` for the values of templates, its complaints about verbs and arguments included. */
export function printf(format: string, args: readonly Value[]): string {
  let next = 0
  let reordered = false
  const seek = (index: string | undefined): void => {
    if (index === undefined) return
    next = Number(index) - 1
    reordered = true
  }
  const take = (): Value => args[next++]
  const text = format.replace(
    DIRECTIVE,
    (
      _all: string,
      flags: string,
      index?: string,
      width?: string,
      dot?: string,
      index2?: string,
      precision?: string,
      index3?: string,
      verb = '',
    ) => {
      seek(index)
      const w = bounded(width, take)
      seek(index2)
      const p = dot === undefined ? -1 : Math.max(bounded(precision, take), -1)
      seek(index3)
      if (verb === '') return '%!(NOVERB)'
      if (verb === '%') return '%'
      if (Number.isNaN(w)) return `%!(BADWIDTH)${one(verb, flags, 0, p)}`
      if (Number.isNaN(p)) return `%!(BADPREC)${one(verb, flags, w, -1)}`
      return one(verb, flags, w, p)
    },
  )
  const extra = reordered ? [] : args.slice(next)
  return extra.length === 0
    ? text
    : `${text}%!(EXTRA ${extra.map((value) => described(value)).join(', ')})`

  function one(verb: string, flags: string, width: number, precision: number): string {
    if (next < 0 || (reordered && next >= args.length)) return `%!${verb}(BADINDEX)`
    if (next >= args.length) return `%!${verb}(MISSING)`
    const left = width < 0 ? '-' : ''
    return write(take(), { verb, flags: flags + left, width: Math.abs(width), precision })
  }
}

/** A width or precision; NaN where it is no number that Go takes. */
function bounded(text: string | undefined, take: () => Value): number {
  if (text === undefined) return 0
  const given = text === '*' ? take() : new Int(Number(text))
  const value = given instanceof Int ? Number(given.value) : NaN
  return Math.abs(value) <= MAX_WIDTH ? value : NaN
}

/** `int=3`, as complaints show a value. */
function described(value: Value): string {
  return value === undefined || value === null ? '<nil>' : `${typeOf(value)}=${show(value)}`
}

function write(value: Value, to: Verb): string {
  const { verb } = to
  if (verb === 'T') return pad(typeOf(value), to)
  if (value instanceof List && verb !== 'v') {
    return `[${value.items.map((item) => write(item, to)).join(' ')}]`
  }
  if (value instanceof Dict && verb !== 'v') {
    const entries = [...value.entries].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return `map[${entries.map(([key, item]) => `${write(key, to)}:${write(item, to)}`).join(' ')}]`
  }
  const written = formatValue(value, to)
  return written ?? `%!${verb}(${described(value)})`
}

/** Null where the verb is none of the value's type. */
function formatValue(value: Value, to: Verb): string | null {
  const { verb, flags, precision } = to
  if (verb === 'v') {
    if (value instanceof Float) return formatFloat(value.value, { ...to, verb: 'g' })
    if (value instanceof Int) return formatInteger(value.value, { ...to, verb: 'd' })
    if (typeof value === 'string' && flags.includes('#')) return pad(quote(value), to)
    return pad(typeof value === 'string' ? cut(value, precision) : show(value), to)
  }
  if (typeof value === 'boolean') return verb === 't' ? pad(String(value), to) : null
  if (value instanceof Int) return formatInteger(value.value, to)
  if (value instanceof Float) return formatFloat(value.value, to)
  if (value === undefined || value === null) return null
  return formatString(typeof value === 'string' ? value : show(value), to)
}

function formatString(text: string, to: Verb): string | null {
  const { flags, precision, verb } = to
  const shown = cut(text, precision)
  switch (verb) {
    case 's':
      return pad(shown, to)
    case 'q':
      return pad(flags.includes('#') && !shown.includes('`') ? `\`${shown}\`` : quote(shown), to)
    case 'x':
    case 'X': {
      const bytes = Buffer.from(text)
      const kept = precision < 0 ? bytes : bytes.subarray(0, precision)
      const hex = Array.from(kept, (octet) => octet.toString(16).padStart(2, '0'))
      const prefix = flags.includes('#') && kept.length > 0 ? '0x' : ''
      const spaced = flags.includes(' ') ? hex.join(` ${prefix}`) : hex.join('')
      const all = `${prefix}${spaced}`
      return pad(verb === 'X' ? all.toUpperCase() : all, to)
    }
    default:
      return null
  }
}

/** The first `precision` characters. */
function cut(text: string, precision: number): string {
  return precision < 0 ? text : Array.from(text).slice(0, precision).join('')
}

const BASES: Readonly<Record<string, readonly [base: number, prefix: string]>> = {
  b: [2, '0b'],
  o: [8, '0'],
  O: [8, ''],
  d: [10, ''],
  x: [16, '0x'],
  X: [16, '0X'],
}

function formatInteger(value: bigint, to: Verb): string | null {
  const { flags, precision, verb } = to
  if (verb === 'c' || verb === 'q' || verb === 'U') return formatRune(value, to)
  const base = BASES[verb]
  if (base === undefined) return null
  const [radix, prefix] = base
  let digits = (value < 0n ? -value : value).toString(radix)
  if (verb === 'X') digits = digits.toUpperCase()
  if (precision === 0 && value === 0n) digits = ''
  digits = digits.padStart(precision, '0')
  const before = verb === 'O' ? '0o' : flags.includes('#') ? prefix : ''
  // An octal number that begins with 0 has its prefix already.
  const head = verb === 'o' && digits.startsWith('0') ? '' : before
  return signed(value < 0n, `${head}${digits}`, to, precision < 0 ? head.length : -1)
}

function formatRune(value: bigint, to: Verb): string {
  const isRune = value >= 0n && value <= 0x10ffffn && (value < 0xd800n || value > 0xdfffn)
  const char = String.fromCodePoint(isRune ? Number(value) : 0xfffd)
  if (to.verb === 'U') {
    const hex = BigInt.asUintN(64, value).toString(16).toUpperCase().padStart(4, '0')
    return pad(`U+${hex}${to.flags.includes('#') ? ` '${char}'` : ''}`, to)
  }
  if (to.verb === 'c') return pad(char, to)
  return pad(
    char === "'" ? String.raw`'\''` : `'${quote(char).slice(1, -1).replace('\\"', '"')}'`,
    to,
  )
}

function formatFloat(value: number, to: Verb): string | null {
  const { precision, verb } = to
  const size = Math.abs(value)
  const isNegative = value < 0 || Object.is(value, -0)
  if (!Number.isFinite(value)) {
    if (!'eEfFgGv'.includes(verb)) return null
    return signed(
      isNegative,
      Number.isNaN(value) ? 'NaN' : 'Inf',
      { ...to, flags: to.flags.replaceAll('0', '') },
      -1,
    )
  }
  const digits = Math.min(precision < 0 ? 6 : precision, 100)
  switch (verb) {
    case 'f':
    case 'F':
      return signed(isNegative, size.toFixed(digits), to, 0)
    case 'e':
      return signed(isNegative, exponential(size, digits), to, 0)
    case 'E':
      return signed(isNegative, exponential(size, digits).toUpperCase(), to, 0)
    case 'g':
    case 'G': {
      const text = precision < 0 ? showFloat(size) : general(size, precision)
      return signed(isNegative, verb === 'G' ? text.toUpperCase() : text, to, 0)
    }
    default:
      return null
  }
}

/** `%.3g`: so many significant digits, without zeros at the end. */
function general(size: number, precision: number): string {
  const digits = Math.min(Math.max(precision, 1), 100)
  const exponent = size === 0 ? 0 : Number(size.toExponential(digits - 1).split('e')[1])
  const trim = (text: string): string =>
    text.replace(/\.?0+(?=e|$)/, (zeros) => (zeros.startsWith('.') ? '' : zeros.replace(/0+$/, '')))
  if (exponent < -4 || exponent >= digits) {
    const text = exponential(size, digits - 1)
    return text.includes('.') ? trim(text) : text
  }
  const text = size.toFixed(Math.min(Math.max(digits - 1 - exponent, 0), 100))
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** Sign, zeros up to the width (behind `prefix` characters; −1: none), and spaces. */
function signed(isNegative: boolean, digits: string, to: Verb, prefix: number): string {
  const { flags, width } = to
  const sign = isNegative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''
  if (prefix < 0 || !flags.includes('0') || flags.includes('-')) {
    return pad(`${sign}${digits}`, { ...to, flags: flags.replaceAll('0', '') })
  }
  const zeros = digits.slice(prefix).padStart(width - sign.length, '0')
  return `${sign}${digits.slice(0, prefix)}${zeros}`
}

/** Fills up to the width, counted in characters. */
function pad(text: string, { flags, width }: Verb): string {
  const missing = width === 0 ? 0 : Math.max(width - Array.from(text).length, 0)
  if (flags.includes('-')) return text + ' '.repeat(missing)
  return (flags.includes('0') ? '0' : ' ').repeat(missing) + text
}
