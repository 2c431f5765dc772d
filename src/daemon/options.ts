import { createRequire } from 'node:module'
import { flagNamed, flagNames, flags } from './flags.ts'
import { GivenFlags, parseBoolean } from './given-flags.ts'
import { DNS_PORT, portFlag, serveOptions } from './serve-options.ts'
import type { ServeOptions } from './serve-options.ts'
import { UsageError } from './usage-error.ts'

/** What a command line asks for. */
export type Command =
  | { readonly kind: 'serve'; readonly options: ServeOptions }
  | { readonly kind: 'check'; readonly corefile: string; readonly port: number }
  | { readonly kind: 'demo'; readonly port: number }
  | { readonly kind: 'version' }
  | { readonly kind: 'plugins' }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'usage-error'; readonly message: string; readonly exitCode: 1 | 2 }

const DEMO_PORT = 5300

const USAGE_WIDTH = 100
const SYNOPSIS = `Usage: dnslet [serve] [flags]            serve the Corefile (the default)
       dnslet check [flags] [Corefile]    print what a Corefile compiles to
       dnslet demo [-p port]              try it out with a stand-in for kube-dns

Flags take one dash or two, and their value after a space or "="; booleans only after "=".`

/**
 * Reads the arguments after the program's name. Pure: opens nothing and never throws; a refused
 * command line comes back as `usage-error`, its message complete for standard error.
 */
export function parseArgs(argv: readonly string[]): Command {
  try {
    return readCommand(argv)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const { message, exitCode } = error
    return { kind: 'usage-error', message, exitCode }
  }
}

function readCommand(argv: readonly string[]): Command {
  const first = argv[0]
  const command = first === 'serve' || first === 'check' || first === 'demo' ? first : null
  const given = readFlags(command === null ? argv : argv.slice(1))
  if (given.isOn('help')) return { kind: 'help', text: usage() }
  if (given.isOn('version')) return { kind: 'version' }
  if (given.isOn('plugins')) return { kind: 'plugins' }

  const rest = command === 'check' ? given.rest.slice(1) : given.rest
  if (rest.length > 0) throw new UsageError(1, `extra command line arguments: [${rest.join(' ')}]`)
  if (command === 'check') {
    const corefile = given.rest[0] ?? given.text('conf')
    return { kind: 'check', corefile, port: portFlag(given, DNS_PORT) }
  }
  if (command === 'demo') return { kind: 'demo', port: portFlag(given, DEMO_PORT) }
  return { kind: 'serve', options: serveOptions(given) }
}

/**
 * The parser inside yargs, without the half of yargs that prints help: the whole package costs 65 ms
 * and 13 MB at start, this 10 ms and 5 MB. What needs the other half (`usage`) loads it when asked.
 */
const require = createRequire(import.meta.url)
const parser = createRequire(require.resolve('yargs'))('yargs-parser') as Parser
type Parser = typeof import('yargs/helpers').Parser

/** Makes yargs read a command line as Go's flag package does (one dash or two, the last value wins). */
const goFlags = {
  'short-option-groups': false,
  'dot-notation': false,
  'boolean-negation': false,
  'camel-case-expansion': false,
  'duplicate-arguments-array': false,
  'parse-numbers': false,
  'halt-at-non-option': true,
}

const textNames = flags.filter((f) => f.type === 'text').map((f) => f.name)

function readFlags(argv: readonly string[]): GivenFlags {
  const { argv: found, error } = parser.detailed(argv.map(spellOut), {
    string: flags.map((f) => f.name),
    narg: Object.fromEntries(textNames.map((name) => [name, 1])),
    alias: Object.fromEntries(flags.map((f) => [f.name, [...f.aliases]])),
    configuration: goFlags,
  })
  const { _: rest, ...read } = found as Record<string, unknown> & { _: (string | number)[] }
  const values = new Map<string, string>()
  for (const [name, value] of Object.entries(read)) {
    const flag = flagNamed(name) ?? refuseUnknown(name)
    values.set(flag.name, String(value))
    if (flag.type === 'boolean' && parseBoolean(String(value)) === null) {
      throw syntaxError(`invalid boolean value "${String(value)}" for -${name}: parse error`)
    }
  }
  if (error !== null) throw syntaxError(error.message.replace(/^Not.*: /, 'flag needs an argument: -'))
  return new GivenFlags(values, rest.map(String))
}

/** A boolean takes its value behind `=` only: the word after a bare `-quiet` is not its value. */
function spellOut(word: string): string {
  const name = /^--?([^=]+)$/.exec(word)?.[1] ?? ''
  return flagNamed(name)?.type === 'boolean' ? `${word}=true` : word
}

function refuseUnknown(name: string): never {
  const near = nearest(name, flagNames)
  const hint = near === null ? '' : ` (did you mean -${near}?)`
  throw syntaxError(`flag provided but not defined: -${name}${hint}`)
}

function syntaxError(reason: string): UsageError {
  return new UsageError(2, `${reason}\n${usage()}`)
}

function usage(): string {
  const yargs = require('yargs') as typeof import('yargs').default
  const cli = yargs([]).scriptName('dnslet').usage(SYNOPSIS).version(false).help(false)
  cli.detectLocale(false).wrap(USAGE_WIDTH)
  for (const { name, aliases, type, fallback, describe } of flags) {
    const standard = fallback === null || fallback === '' ? {} : { default: fallback }
    const kind = type === 'text' ? 'string' : 'boolean'
    cli.option(name, { alias: [...aliases], type: kind, describe, ...standard })
  }
  let text = ''
  cli.showHelp((shown) => (text = shown))
  return text
}
