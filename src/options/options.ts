import yargsParser from 'yargs-parser'
import { nearest } from '../corefile/nearest.ts'
import { benchOptions, type BenchOptions } from './bench-options.ts'
import { type CleanupOptions, cleanupOptions } from './cleanup-options.ts'
import { type DoctorOptions, doctorOptions } from './doctor-options.ts'
import { type ExplainOptions, explainOptions } from './explain-options.ts'
import { flagNamed, flagNames, flags, GivenFlags, parseBoolean } from './flags.ts'
import { DNS_PORT, localAddresses, portFlag, serveOptions } from './serve-options.ts'
import type { ServeOptions } from './serve-options.ts'
import { type TopOptions, topOptions } from './top-options.ts'
import { type UntaintOptions, untaintOptions } from './untaint-options.ts'
import { UsageError } from './usage-error.ts'
import { usageText } from './usage-text.ts'
import { asTyped, withValue } from './words.ts'

/** What a command line asks for. */
export type Command =
  | { readonly kind: 'serve'; readonly options: ServeOptions }
  | {
      readonly kind: 'check'
      readonly corefile: string
      readonly port: number
      readonly interfaceName: string
      readonly localIps: readonly string[]
    }
  | { readonly kind: 'demo'; readonly port: number }
  | { readonly kind: 'untaint'; readonly options: UntaintOptions }
  | { readonly kind: 'cleanup'; readonly options: CleanupOptions }
  | LookingCommand
  | { readonly kind: 'version' }
  | { readonly kind: 'plugins' }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'usage-error'; readonly message: string; readonly exitCode: 1 | 2 }

/** One of those that have flags of their own. */
export type LookingCommand =
  | { readonly kind: 'bench'; readonly options: BenchOptions }
  | { readonly kind: 'doctor'; readonly options: DoctorOptions }
  | { readonly kind: 'explain'; readonly options: ExplainOptions }
  | { readonly kind: 'top'; readonly options: TopOptions }

const DEMO_PORT = 5300

const SYNOPSIS = `Usage:
dnslet [serve] [flags]                serve the Corefile (the default)
dnslet check [flags] [Corefile]       print what a Corefile compiles to
dnslet demo [-p port]                 try it out with a stand-in for kube-dns
dnslet untaint [flags] [name [taint]] take the taint off this node once -localip knows the name
dnslet cleanup [flags]                remove what dnslet or node-cache have left on this node
dnslet explain NAME [TYPE] [flags]    what the running daemon does with a question; -h for its flags
dnslet top [flags]                    show the traffic of the running daemon
dnslet bench -host NAME [flags]       test how names are looked up; -h for its flags
dnslet doctor [flags]                 examine DNS on this node or in this pod; -h for its flags

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
    const { exitCode, isComplete } = error
    const message = exitCode === 2 && !isComplete ? `${error.message}\n${usage()}` : error.message
    return { kind: 'usage-error', message, exitCode }
  }
}

function readCommand(argv: readonly string[]): Command {
  const [first, ...others] = argv
  if (first === 'check') return readCheck(others)
  if (first === 'bench') return withOwnFlags('bench', benchOptions(others))
  if (first === 'explain') return withOwnFlags('explain', explainOptions(others))
  if (first === 'top') return withOwnFlags('top', topOptions(others))
  if (first === 'doctor') return withOwnFlags('doctor', doctorOptions(others))
  const named = ['serve', 'demo', 'untaint', 'cleanup'].includes(first ?? '')
  const given = readFlags(named ? others : argv)
  const told = readInformation(given)
  if (told !== null) return told
  if (first === 'untaint') return { kind: 'untaint', options: untaintOptions(given) }
  if (first === 'cleanup') return { kind: 'cleanup', options: cleanupOptions(given) }
  refuseMore(given.rest)
  if (first === 'demo') return { kind: 'demo', port: portFlag(given, DEMO_PORT) }
  return { kind: 'serve', options: serveOptions(given) }
}

/** The Corefile may stand before the flags or after them. */
function readCheck(argv: readonly string[]): Command {
  const [first] = argv
  const leading = first !== undefined && !first.startsWith('-')
  const given = readFlags(leading ? argv.slice(1) : argv)
  const told = readInformation(given)
  if (told !== null) return told
  const [corefile = given.text('conf'), ...more] = leading ? [first, ...given.rest] : given.rest
  refuseMore(more)
  return {
    kind: 'check',
    corefile,
    port: portFlag(given, DNS_PORT),
    interfaceName: given.text('interfacename'),
    localIps: localAddresses(given.text('localip')),
  }
}

/** What a command that has flags of its own is asked for, or how it is used. */
function withOwnFlags<K extends string, O extends object>(
  kind: K,
  options: O | string,
): { readonly kind: 'help'; readonly text: string } | { readonly kind: K; readonly options: O } {
  return typeof options === 'string' ? { kind: 'help', text: options } : { kind, options }
}

function readInformation(given: GivenFlags): Command | null {
  if (given.isOn('help')) return { kind: 'help', text: usage() }
  if (given.isOn('version')) return { kind: 'version' }
  return given.isOn('plugins') ? { kind: 'plugins' } : null
}

function refuseMore(words: readonly string[]): void {
  if (words.length > 0)
    throw new UsageError(1, `extra command line arguments: [${words.join(' ')}]`)
}

/** What Go's flag package does: flags come first, the last value wins. */
const asGo = { ...asTyped, 'duplicate-arguments-array': false, 'halt-at-non-option': true }

const NEEDS_ARGUMENT = 'flag needs an argument: -'
const textNames = flags.filter((f) => f.type === 'text').map((f) => f.name)

function readFlags(argv: readonly string[]): GivenFlags {
  const words = argv.map((word) => withValue(word, isBoolean, refuseUnknown))
  const { argv: found, error } = yargsParser.detailed(words, {
    string: flags.map((f) => f.name),
    alias: Object.fromEntries(flags.map((f) => [f.name, [...f.aliases]])),
    narg: Object.fromEntries(textNames.map((name) => [name, 1])),
    configuration: asGo,
  })
  const { _: rest, ...read } = found
  const values = new Map<string, string>()
  for (const [name, given] of Object.entries(read)) {
    const { type } = flagNamed(name) ?? refuseUnknown(name)
    const value = String(given)
    if (type === 'boolean' && parseBoolean(value) === null) {
      throw new UsageError(2, `invalid boolean value "${value}" for -${name}: parse error`)
    }
    values.set(name, value)
  }
  if (error !== null) throw new UsageError(2, error.message.replace(/^Not.*: /, NEEDS_ARGUMENT))
  // The words after the flags as they were typed.
  return new GivenFlags(values, argv.slice(argv.length - rest.length))
}

function isBoolean(name: string): boolean {
  return flagNamed(name)?.type === 'boolean'
}

function refuseUnknown(name: string): never {
  const near = nearest(name, flagNames)
  const hint = near === null ? '' : ` (did you mean -${near}?)`
  throw new UsageError(2, `flag provided but not defined: -${name}${hint}`)
}

function usage(): string {
  return usageText(SYNOPSIS, flags)
}
