/**
 * What a plugin's config.ts needs to read its directive: readers to put in a table, and the errors
 * to throw where a table is not enough. A plugin needs to import nothing else of this folder.
 *
 *     const options = { expire: one(duration), force_tcp: flag, except: all(list(domainName, 1)) }
 *     return Object.freeze({ ...defaults, ...read(directive, options) })
 */
import { argumentError, errorAt, inPlugin, pluginError, readAll, valueError } from './error.ts'
import { hintFor } from './nearest.ts'
import type { Directive, Option } from './parse.ts'
import { shown, type Token } from './token.ts'

export { ipAddress, listenAddress } from './address.ts'
export { isSubdomain } from './domain-name.ts'
export { duration, formatDuration } from './duration.ts'
export {
  argumentError,
  both,
  CorefileError,
  errorAt,
  inPlugin,
  readAll,
  syntaxError,
  valueError,
} from './error.ts'
export { hintFor } from './nearest.ts'
export { integer, percentage, uint32 } from './number.ts'
export { type Pattern, regex } from './regex.ts'
export { domainName, zones, zonesOr } from './zones.ts'
export type { Directive, Option, Token } from './parse.ts'

/** Turns one argument into a value; throws CorefileError (valueError) when it cannot. */
export type Convert<T> = (token: Token) => T

/** Hears of what is accepted but probably not meant: a whole sentence, with file and line. */
export type Warn = (message: string) => void

/** For those who do not want to hear it. */
export const ignore: Warn = () => {}

/** Turns one option line into a value; `before` is what an earlier line of that name gave. */
export interface ReadOption<T> {
  (option: Option, before: T | undefined): T
  /**
   * How far the option reaches, where that is not its whole line as usual: a number of arguments, and
   * the rest of the line is another option; or up to a `}` on the same line, which closes the braces.
   * Which options are so was tried with CoreDNS 1.13.2 to 1.14.7.
   */
  readonly reach?: number | 'brace'
}

/** The value types of a list of converters, in order. */
type Values<C extends readonly Convert<unknown>[]> = {
  [I in keyof C]: C[I] extends Convert<infer T> ? T : never
}

/** The arguments of a directive or an option, `min` to `max` of them; else CoreDNS's error. */
export function countArgs(
  line: Pick<Option, 'name' | 'args'>,
  min: number,
  max: number = Infinity,
): readonly Token[] {
  const { name, args } = line
  if (args.length < min) throw argumentError(args.at(-1) ?? name)
  const surplus = args[max]
  if (surplus !== undefined) throw argumentError(surplus)
  return args
}

/** A converter whose value must pass a test: `problem` returns the error's text, or null. */
export function check<T>(
  convert: Convert<T>,
  problem: (value: T, token: Token) => string | null,
): Convert<T> {
  return (token) => {
    const value = convert(token)
    const reason = problem(value, token)
    if (reason !== null) throw valueError(token, reason)
    return value
  }
}

/** One of the words given, in lower case; the argument's case does not matter. */
export function oneOf<const W extends string>(
  words: readonly W[],
  problem: (given: string) => string,
): Convert<W> {
  return (token) => {
    const word = words.find((candidate) => candidate === token.text.toLowerCase())
    if (word === undefined) {
      throw valueError(token, problem(token.text) + hintFor(token.text, words))
    }
    return word
  }
}

/** An option without arguments: true. */
export function flag(option: Option): true {
  countArgs(option, 0, 0)
  return true
}

/** An option with exactly one argument. */
export function one<T>(convert: Convert<T>): ReadOption<T> {
  return (option) => {
    const [token = option.name] = countArgs(option, 1, 1)
    return convert(token)
  }
}

/** An option whose `count` arguments may be followed by another option, or a `}`, on the same line. */
export function reaching<T>(reach: number | 'brace', reader: ReadOption<T>): ReadOption<T> {
  return Object.assign((option: Option, before: T | undefined): T => reader(option, before), {
    reach,
  })
}

/** An option with `min` to `max` arguments of one kind. */
export function list<T>(
  convert: Convert<T>,
  min: number = 0,
  max: number = Infinity,
): ReadOption<readonly T[]> {
  return (option) => countArgs(option, min, max).map((token) => convert(token))
}

/** An option with arguments of different kinds, of which the last ones may be missing. */
export function tuple<
  const R extends readonly Convert<unknown>[],
  const O extends readonly Convert<unknown>[] = readonly [],
>(required: R, optional?: O): ReadOption<readonly [...Values<R>, ...Partial<Values<O>>]> {
  const converters = [...required, ...(optional ?? [])]
  return (option) => {
    const args = countArgs(option, required.length, converters.length)
    const values = args.map((token, index) => converters[index]?.(token))
    return values as unknown as readonly [...Values<R>, ...Partial<Values<O>>]
  }
}

/** An option that may be repeated: the values of all its lines, in order. */
export function all<T>(reader: ReadOption<T>): ReadOption<readonly T[]> {
  return (option, before = []) => [...before, reader(option, undefined)]
}

/** What to do with an option that is not in the table, which has those of `known`: throw, or take it. */
type Unknown = (option: Option, known: readonly string[]) => void

/** The usual complaint of CoreDNS's plugins. */
export function unknownOption({ name }: Option, known: readonly string[]): never {
  throw argumentError(name, hintFor(name.text, known))
}

/** forward's and hosts' complaint. */
export function unknownProperty({ name }: Option, known: readonly string[]): never {
  throw errorAt(name, `unknown property '${name.text}'${hintFor(name.text, known)}`)
}

/** What to do with what is not in the table, and with what is accepted but probably not meant. */
export interface ReadParts {
  readonly unknown?: Unknown
  /** How far an option reaches that is not in the table, see `ReadOption.reach`. */
  readonly unknownReach?: 'brace'
  readonly warn?: Warn
}

/**
 * Reads the braces of a directive by a table of options. A repeated option replaces what an
 * earlier line gave, unless its reader collects. What is not written is not in the result, so
 * `{ ...defaults, ...read(…) }` completes it. Errors carry file, line and `plugin/<name>: `; one is
 * thrown for all lines.
 */
export function read<T extends object>(
  directive: Directive,
  table: { readonly [K in keyof T]: ReadOption<T[K]> },
  { unknown = unknownOption, unknownReach, warn = ignore }: ReadParts = {},
): Partial<T> {
  return inPlugin(directive.name, () => {
    const values: Partial<T> = {}
    const known = Object.keys(table)
    const reach = (name: string): number | 'brace' | undefined =>
      Object.hasOwn(table, name) ? table[name as keyof T].reach : unknownReach
    const lines = directive.options ?? []
    const options = readAll(lines, (line) => optionsOf(line, reach, warn)).flat()
    readAll(options, (option) => {
      const name = option.name.text
      if (Object.hasOwn(table, name)) {
        const key = name as keyof T
        values[key] = table[key](option, values[key])
      } else {
        unknown(option, known)
      }
    })
    return values
  })
}

/** The options of one line: mostly one. */
function optionsOf(
  line: Option,
  reachOf: (name: string) => number | 'brace' | undefined,
  warn: Warn,
): Option[] {
  const options: Option[] = []
  let rest = line
  for (;;) {
    const reach = reachOf(rest.name.text)
    const { name, args, close } = rest
    const next = typeof reach === 'number' ? args[reach] : undefined
    if (next === undefined) {
      if (close !== undefined) endWithBrace(rest, reach, close, warn)
      options.push(rest)
      return options
    }
    warn(
      `${next.file}:${next.line} - '${shown(next)}' begins another option: better on its own line`,
    )
    const length = reach as number
    options.push({ name, args: args.slice(0, length) })
    rest = { name: next, args: args.slice(length + 1), ...(close === undefined ? {} : { close }) }
  }
}

/** Refuses a `}` on the line of an option that reads its whole line: CoreDNS takes it for an argument. */
export function wholeLine({ close }: Option): void {
  if (close === undefined) return
  throw errorAt(close, "Options go one per line, and the closing '}' on a line of its own")
}

/** Most options read their whole line. */
function endWithBrace(
  { name, args }: Option,
  reach: number | 'brace' | undefined,
  close: Token,
  warn: Warn,
): void {
  const ends = reach === 'brace' || (reach !== undefined && args.length >= reach)
  if (!ends) wholeLine({ name, args, close })
  warn(`${close.file}:${close.line} - '}' after '${shown(name)}': better on a line of its own`)
}

/** The occurrence of a directive that a server block may hold only once. */
export function once(directives: readonly Directive[]): Directive {
  const [first, second] = directives
  if (second !== undefined) {
    const reason = 'this plugin can only be used once per Server Block'
    throw pluginError(second.name.text, second.name, reason)
  }
  if (first === undefined) throw new RangeError('Cannot read a directive that does not occur')
  return first
}

/** Refuses braces with something in them: CoreDNS reads nothing there. */
export function noOptions({ name, options }: Directive): void {
  if (options !== null && options.length > 0) throw argumentError({ ...name, text: '{' })
}

/** Refuses everything but one directive without arguments and braces, empty ones included, in CoreDNS's words. */
export function bare(directives: readonly Directive[]): void {
  const directive = once(directives)
  const { name, options } = directive
  inPlugin(name, () => {
    countArgs(directive, 0, 0)
    if (options !== null) throw argumentError({ ...name, text: '{' })
  })
}
