import {
  all,
  argumentError,
  countArgs,
  type Directive,
  duration,
  errorAt,
  flag,
  ignore,
  inPlugin,
  once,
  type Option,
  type Pattern,
  reaching,
  read,
  regex,
  syntaxError,
  type Warn,
} from '../../corefile/directive.ts'

/** How loud a summary is: the names of the log's methods. */
const levels = ['warning', 'error', 'info', 'debug'] as const
export type Level = (typeof levels)[number]

/** One `consolidate` line. */
export interface Consolidation {
  /** Milliseconds from the first error to the summary. */
  readonly period: number
  readonly pattern: Pattern
  /** The pattern as it is written, for the summary. */
  readonly source: string
  readonly level: Level
  /** Log the first error of each period at once. */
  readonly showFirst: boolean
}

export interface ErrorsConfig {
  /** In file order: the first that matches an error counts it. */
  readonly consolidations: readonly Consolidation[]
  /** Add stacks to the logs of panics. */
  readonly stacktrace: boolean
}

const MAX_PATTERN = 10_000

// As in CoreDNS, `stacktrace` alone looks at nothing behind it, a closing brace included.
const options = { stacktrace: reaching(0, flag), consolidate: all(readConsolidate) }

/** Reads the one `errors` directive of a block. */
export function readConfig(directives: readonly Directive[], warn: Warn = ignore): ErrorsConfig {
  const directive = once(directives)
  return inPlugin(directive.name, () => {
    const [file] = countArgs(directive, 0, 1)
    if (file !== undefined && file.text !== 'stdout') {
      throw errorAt(file, `invalid log file: ${file.text}`)
    }
    const { consolidate = [], stacktrace = false } = read(directive, options, { unknown, warn })
    return Object.freeze({ consolidations: consolidate, stacktrace })
  })
}

function unknown({ name }: Option): never {
  throw syntaxError(name, `Unknown field ${name.text}`)
}

function readConsolidate(option: Option): Consolidation {
  const [time, pattern, ...rest] = countArgs(option, 2, 4)
  if (time === undefined || pattern === undefined) throw argumentError(option.name)
  const showFirst = rest.at(-1)?.text === 'show_first'
  const [word, surplus] = showFirst ? rest.slice(0, -1) : rest
  const level = word === undefined ? 'error' : levels.find((name) => name === word.text)
  if (word !== undefined && level === undefined) {
    throw errorAt(word, `unknown log level argument in consolidate: ${word.text}`)
  }
  if (surplus !== undefined) throw argumentError(surplus)
  const { length } = pattern.text
  if (length > MAX_PATTERN) {
    throw errorAt(
      pattern,
      `regex pattern too long in consolidate errors: ${length} > ${MAX_PATTERN}`,
    )
  }
  return {
    period: duration(time),
    pattern: regex(pattern),
    source: pattern.text,
    level: level ?? 'error',
    showFirst,
  }
}
