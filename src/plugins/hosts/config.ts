import { statSync } from 'node:fs'
import {
  type Directive,
  duration,
  errorAt,
  flag,
  hintFor,
  inPlugin,
  integer,
  once,
  type Option,
  read,
  reaching,
  unknownProperty,
  type Warn,
  zonesOr,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import { shown } from '../../corefile/token.ts'
import { isAbsent, readableReason } from './hosts-file.ts'

const DEFAULT_PATH = '/etc/hosts'
const DEFAULT_TTL = 3600
const MAX_TTL = 65_535
const DEFAULT_RELOAD_MS = 5_000

export interface HostsConfig {
  readonly path: string
  /** Names outside of these are none of ours. */
  readonly zones: readonly string[]
  /** Lines of the Corefile, as a hosts file has them. */
  readonly inline: string
  /** Seconds. */
  readonly ttl: number
  /** Whether addresses get PTR records. */
  readonly reverse: boolean
  /** Milliseconds between two looks at the file; 0: none after the start. */
  readonly reloadMs: number
  /** Zones in which names that are not here are left to the next plugin. */
  readonly fallthrough: readonly string[]
  /** Whether names that are here are, too, for other types than A, AAAA and PTR. */
  readonly fallthroughUnsupported: boolean
}

interface Options {
  readonly fallthrough: readonly string[]
  readonly fallthrough_unsupported: true
  readonly no_reverse: true
  readonly ttl: number
  readonly reload: number
}

/** Reads the directive of a block with these zones, and looks whether its file is there. */
export function readConfig(
  directives: readonly Directive[],
  block: readonly string[],
  warn: Warn,
): HostsConfig {
  const directive = once(directives)
  const [file, ...zones] = directive.args
  return inPlugin(directive.name, () => {
    if (file !== undefined) lookFor(file, warn)
    const inline: string[] = []
    let falls = false
    const options = read<Options>(
      directive,
      {
        fallthrough: reaching('brace', ({ args }) => {
          const named = zonesOr(args, ['.'], warn)
          falls = named.length > 0
          return named
        }),
        fallthrough_unsupported: flag,
        no_reverse: reaching(0, (option) => flag(option)),
        ttl: reaching('brace', ttl),
        reload,
      },
      {
        warn,
        unknownReach: 'brace',
        unknown: (option, known) => {
          if (falls) unknownProperty(option, known)
          warnIfMisspelt(option.name, known, warn)
          inline.push([option.name, ...option.args].map(({ text }) => text).join(' '))
        },
      },
    )
    const fallthrough = options.fallthrough ?? []
    if (options.fallthrough_unsupported && fallthrough.length === 0) {
      throw errorAt(directive.name, 'fallthrough_unsupported requires fallthrough')
    }
    return Object.freeze({
      path: file?.text ?? DEFAULT_PATH,
      zones: zonesOr(zones, block, warn),
      inline: inline.join('\n'),
      ttl: options.ttl ?? DEFAULT_TTL,
      reverse: options.no_reverse === undefined,
      reloadMs: options.reload ?? DEFAULT_RELOAD_MS,
      fallthrough,
      fallthroughUnsupported: options.fallthrough_unsupported ?? false,
    })
  })
}

/** CoreDNS passes over such a line, and all other names fail where `fallthrough` was meant. */
function warnIfMisspelt(name: Option['name'], known: readonly string[], warn: Warn): void {
  const hint = hintFor(shown(name), known)
  if (hint === '') return
  warn(`${name.file}:${name.line} - '${shown(name)}' is no address: its line says nothing${hint}`)
}

/** A file that is not there may come; one that cannot be looked for is an error, as in CoreDNS. */
function lookFor(file: Directive['name'], warn: Warn): void {
  const { text: path } = file
  try {
    if (statSync(path).isDirectory()) warn(`Hosts file ${quote(path)} is a directory`)
  } catch (error) {
    if (isAbsent(error)) {
      warn(`File does not exist: ${path}`)
      return
    }
    const reason = `stat ${path}: ${readableReason(error)}`
    throw errorAt(file, `unable to access hosts file '${path}': ${reason}`)
  }
}

function ttl({ name, args }: Option): number {
  const [token] = args
  if (token === undefined) throw errorAt(name, 'ttl needs a time in second')
  let seconds
  try {
    seconds = integer(token)
  } catch {
    throw errorAt(token, 'ttl needs a number of second')
  }
  if (seconds > 0 && seconds <= MAX_TTL) return seconds
  throw errorAt(token, 'ttl provided is invalid')
}

function reload({ name, args }: Option): number {
  const [token, surplus] = args
  if (token === undefined || surplus !== undefined) {
    throw errorAt(surplus ?? name, 'reload needs a duration (zero seconds to disable)')
  }
  let milliseconds
  try {
    milliseconds = duration(token)
  } catch {
    throw errorAt(token, `invalid duration for reload '${token.text}'`)
  }
  if (milliseconds >= 0) return milliseconds
  throw errorAt(token, `invalid negative duration for reload '${token.text}'`)
}
