import yargsParser from 'yargs-parser'
import { duration } from '../corefile/duration.ts'
import { CorefileError } from '../corefile/error.ts'
import { nearest } from '../corefile/nearest.ts'
import { parseBoolean } from './flags.ts'
import { UsageError } from './usage-error.ts'
import { usageText } from './usage-text.ts'
import { asTyped, withValue } from './words.ts'

/** A flag of a command that does not share those of the daemon. */
export interface CommandFlag {
  /** Name without dashes. */
  readonly name: string
  readonly aliases?: readonly string[]
  /**
   * What its value is. `boolean`: true where it is bare, a value only after `=`. `duration`: a Go duration
   * (`1m30s`, `200ms`) or a plain number of `unit`s; its bounds are milliseconds.
   */
  readonly type: 'text' | 'boolean' | 'number' | 'duration'
  /** What a plain number of a duration counts; default `s`. */
  readonly unit?: 's' | 'ms'
  /** May be given several times; without it the last value wins. */
  readonly repeats?: true
  /** Text only: the value may be left out (`-json`), and is this then. */
  readonly bare?: string
  /** What an absent flag means, as one would type it. */
  readonly fallback?: string
  /** Least and greatest value of a number (whole, unless `fractions`) or a duration. */
  readonly least?: number
  readonly most?: number
  readonly fractions?: true
  /** The only values of a text. */
  readonly choices?: readonly string[]
  /** One line for the usage text. */
  readonly describe: string
}

/** What a command takes. `-h` and `-help` belong to every one. */
export interface CommandSyntax {
  /** `bench`. */
  readonly name: string
  /** First lines of its usage text. */
  readonly synopsis: string
  readonly flags: readonly CommandFlag[]
  /** Most words beside flags; they may stand before, between and after them. */
  readonly words: number
}

/** The flags of one command line, checked. */
export class GivenCommandFlags {
  readonly #flags: ReadonlyMap<string, CommandFlag>
  readonly #values: ReadonlyMap<string, readonly string[]>
  /** What is no flag, as it was typed. */
  readonly words: readonly string[]

  constructor(
    flags: ReadonlyMap<string, CommandFlag>,
    values: ReadonlyMap<string, readonly string[]>,
    words: readonly string[],
  ) {
    this.#flags = flags
    this.#values = values
    this.words = words
  }

  isSet(name: string): boolean {
    return this.#values.has(name)
  }

  /** The last value, the flag's default where it is absent, '' where it has none. */
  text(name: string): string {
    return this.#values.get(name)?.at(-1) ?? this.#flags.get(name)?.fallback ?? ''
  }

  /** All values, in order; the default alone where the flag is absent, nothing where it has none. */
  texts(name: string): readonly string[] {
    const fallback = this.#flags.get(name)?.fallback
    return this.#values.get(name) ?? (fallback === undefined ? [] : [fallback])
  }

  /** True where a boolean flag was given and is not false. */
  isOn(name: string): boolean {
    return parseBoolean(this.text(name)) === true
  }

  /** A number, or the milliseconds of a duration; null where the flag is absent and has no default. */
  number(name: string): number | null {
    const flag = this.#flags.get(name)
    const value = this.text(name)
    return flag === undefined || value === '' ? null : numberOf(flag, value)
  }
}

const help: CommandFlag = {
  name: 'help',
  aliases: ['h'],
  type: 'boolean',
  describe: 'print this text and exit',
}

/**
 * Reads the arguments after a command's name. Pure: opens nothing.
 *
 * @returns null where the usage text is asked for: print `commandUsage()`
 * @throws UsageError (exit code 2), its message complete, for an unknown flag (with the nearest known one), a
 * value that is missing, none of its type or out of bounds, and for too many words
 */
export function readCommandFlags(
  syntax: CommandSyntax,
  argv: readonly string[],
): GivenCommandFlags | null {
  const all = [...syntax.flags, help]
  const named = new Map(all.flatMap((f) => [f.name, ...(f.aliases ?? [])].map((n) => [n, f])))
  const isBoolean = (name: string): boolean => named.get(name)?.type === 'boolean'
  const refuse = (name: string): never => refuseUnknown(syntax, named, name)
  const needsValue = all.filter((f) => f.type !== 'boolean' && f.bare === undefined)
  const { argv: found, error } = yargsParser.detailed(
    joinDashes(named, argv).map((word) => withValue(word, isBoolean, refuse)),
    {
      string: all.map((f) => f.name),
      alias: Object.fromEntries(all.map((f) => [f.name, [...(f.aliases ?? [])]])),
      narg: Object.fromEntries(needsValue.map((f) => [f.name, 1])),
      configuration: { ...asTyped, 'parse-positional-numbers': false },
    },
  )
  const { _: words, ...read } = found
  const values = new Map<string, string[]>()
  for (const [name, given] of Object.entries(read)) {
    const flag = named.get(name) ?? refuse(name)
    const texts = (Array.isArray(given) ? given : [given]).map((one) => String(one))
    values.set(
      name,
      texts.map((text) => (text === '' ? (flag.bare ?? '') : text)),
    )
  }
  if (values.has('help')) return null
  if (error !== null) {
    const [, name = ''] = /: (.*)$/.exec(error.message) ?? []
    throw refused(syntax, `-${name} needs a value`)
  }
  for (const [name, texts] of values)
    for (const text of texts) check(syntax, named.get(name)!, text)
  const more = words.slice(syntax.words)
  if (more.length > 0) throw refused(syntax, `"${more.join(' ')}" is too much`)
  return new GivenCommandFlags(named, values, words.map(String))
}

/** The usage text of a command. */
export function commandUsage(syntax: CommandSyntax): string {
  const shown = [...syntax.flags, help].map((flag) => ({
    name: flag.name,
    aliases: flag.aliases ?? [],
    type: flag.type === 'boolean' ? ('boolean' as const) : ('text' as const),
    fallback: flag.fallback ?? null,
    describe: flag.describe,
  }))
  return usageText(syntax.synopsis, shown)
}

/** A refused command line of `command`, exit code 2. */
export function refused(syntax: CommandSyntax, reason: string): UsageError {
  const hint = `Run "dnslet ${syntax.name} -h" for its flags.`
  return new UsageError(2, `dnslet ${syntax.name}: ${reason}\n${hint}`, true)
}

type Named = ReadonlyMap<string, CommandFlag>

/** `-json -` means what `-json=-` does; to yargs a lone dash is a word. */
function joinDashes(named: Named, argv: readonly string[]): string[] {
  const joined: string[] = []
  for (const word of argv) {
    const flag = named.get(/^--?(.+)$/.exec(joined.at(-1) ?? '')?.[1] ?? '')
    if (word === '-' && flag?.type === 'text') joined.push(`${joined.pop()}=-`)
    else joined.push(word)
  }
  return joined
}

function refuseUnknown(syntax: CommandSyntax, named: Named, name: string): never {
  const near = nearest(name, [...named.keys()])
  const hint = near === null ? '' : ` (did you mean -${near}?)`
  throw refused(syntax, `there is no flag -${name}${hint}`)
}

function check(syntax: CommandSyntax, flag: CommandFlag, text: string): void {
  const fail = (wanted: string): never => {
    throw refused(syntax, `"${text}" is no value for -${flag.name}: ${wanted}`)
  }
  if (flag.type === 'text') {
    if (flag.choices !== undefined && !flag.choices.includes(text)) {
      const near = nearest(text, flag.choices)
      fail(
        `${near === null ? '' : `did you mean ${near}? `}It is one of ${flag.choices.join(', ')}`,
      )
    }
  } else if (flag.type === 'boolean') {
    if (parseBoolean(text) === null) fail('want true or false')
  } else {
    const value = numberOf(flag, text)
    const { least = -Infinity, most = Infinity } = flag
    if (value === null) fail(`want ${flag.type === 'number' ? 'a number' : wantedDuration(flag)}`)
    else if (value < least) fail(`the least is ${bound(flag, least)}`)
    else if (value > most) fail(`the most is ${bound(flag, most)}`)
    else if (flag.type === 'number' && flag.fractions !== true && !Number.isInteger(value)) {
      fail('want a whole number')
    }
  }
}

function wantedDuration({ unit = 's' }: CommandFlag): string {
  return `${unit === 's' ? 'seconds' : 'milliseconds'} or a duration such as 1m30s`
}

function bound(flag: CommandFlag, value: number): string {
  if (flag.type === 'number') return String(value)
  return flag.unit === 'ms' ? `${value} ms` : `${value / 1000} s`
}

function numberOf(flag: CommandFlag, text: string): number | null {
  if (/^[+-]?\d{1,15}(\.\d{1,9})?$/.test(text)) {
    return Number(text) * (flag.type === 'duration' && flag.unit !== 'ms' ? 1000 : 1)
  }
  if (flag.type === 'number') return null
  try {
    return duration({ text, file: flag.name, line: 0 })
  } catch (error) {
    if (error instanceof CorefileError) return null
    throw error
  }
}
