import { DnsletError } from '../lib/errors.ts'
import { exact } from '../lib/exact.ts'
import { printable } from '../lib/printable.ts'
import type { Token } from './token.ts'

/** In place of a message that would quote a file which somebody imports to see what is in it. */
const HIDDEN =
  'Error during parsing: Cannot be read as part of a Corefile (its words are not shown, because none ' +
  'of the first three lines of this file begins with a directive)'

/**
 * A Corefile that cannot be used. The message always names file and line; its form is CoreDNS's,
 * so that tools which read CoreDNS's start-up errors keep working.
 *
 * Codes: `E_COREFILE_SYNTAX` (grammar), `E_COREFILE_VALUE` (a value out of its domain, no plugin
 * named yet), `E_COREFILE_PLUGIN` (the same with its `plugin/<name>: ` prefix).
 */
export class CorefileError extends DnsletError {
  readonly file: string
  readonly line: number
  /** What is wrong, without the position where the message starts with a bare `<file>:<line> - `. */
  readonly reason: string
  /** Further mistakes that were found with this one, in file order. */
  readonly others: readonly CorefileError[]

  constructor(
    code: string,
    at: Token,
    message: string,
    reason: string,
    options: ErrorOptions & { readonly others?: readonly CorefileError[] } = {},
  ) {
    super(code, at.hidden === true ? `${position(at)} - ${HIDDEN}` : message, options)
    this.file = at.file
    this.line = at.line
    this.reason = at.hidden === true ? HIDDEN : printable(reason)
    this.others = options.others ?? []
  }
}

/** The same error with these beside it, in place of those it had. */
function withOthers(error: CorefileError, others: readonly CorefileError[]): CorefileError {
  const { code, message, reason, file, line, cause } = error
  return new CorefileError(code, { text: '', file, line }, message, reason, { cause, others })
}

/**
 * Reads the parts of something one after the other, whatever is wrong with one of them, and throws all
 * mistakes as one error: who repairs a file wants to know of them at once.
 */
export function readAll<T, R>(parts: Iterable<T>, readOne: (part: T) => R): R[] {
  const values: R[] = []
  const errors: CorefileError[] = []
  for (const part of parts) {
    try {
      values.push(readOne(part))
    } catch (error) {
      if (!(error instanceof CorefileError)) throw error
      errors.push(error)
    }
  }
  const [first, ...others] = errors
  if (first === undefined) return exact(values)
  throw others.length === 0 ? first : withOthers(first, [...first.others, ...others])
}

/** An error and all that were found beside it. */
export function everyError(error: CorefileError): readonly CorefileError[] {
  return [error, ...error.others.flatMap(everyError)]
}

function position(at: Token): string {
  return `${at.file}:${at.line}`
}

function grammarError(at: Token, text: string): CorefileError {
  const message = `${position(at)} - ${text}`
  return new CorefileError('E_COREFILE_SYNTAX', at, message, message)
}

/** `<file>:<line> - Error during parsing: <message>`, positioned at `at`. */
export function errorAt(at: Token, message: string): CorefileError {
  return grammarError(at, `Error during parsing: ${message}`)
}

/** A wrong number of arguments; `at` is the last token read, or the first one too many. */
export function argumentError(at: Token, hint: string = ''): CorefileError {
  return at.text === '{'
    ? errorAt(at, "Unexpected token '{', expecting argument")
    : errorAt(at, `Wrong argument count or unexpected line ending after '${at.text}'${hint}`)
}

/** `<file>:<line> - Syntax error: Unexpected token '<at>', expecting '<want>'<hint>`. */
export function syntaxError(at: Token, want: string, hint: string = ''): CorefileError {
  return grammarError(at, `Syntax error: Unexpected token '${at.text}', expecting '${want}'${hint}`)
}

/** A value outside its domain: `<file>:<line> - <reason>`. inPlugin() puts the plugin's name in. */
export function valueError(at: Token, reason: string): CorefileError {
  return new CorefileError('E_COREFILE_VALUE', at, `${position(at)} - ${reason}`, reason)
}

/**
 * A directive CoreDNS knows and dnslet does not implement (CoreDNS: without file and line).
 *
 * @param reason why it is left out, where there is more to say
 */
export function missingPlugin(directive: Token, reason?: string): CorefileError {
  const why = reason === undefined ? '(missing a plugin?)' : `(left out: ${reason})`
  return valueError(
    directive,
    `no action found for directive '${directive.text}' with server type 'dns' ${why}`,
  )
}

/**
 * An error of the plugin `name`: `<file>:<line> - plugin/<name>: <message>`, or just
 * `plugin/<name>: <message>` where the message names the position itself.
 */
export function pluginError(
  name: string,
  at: Token,
  message: string,
  options?: ConstructorParameters<typeof CorefileError>[4],
): CorefileError {
  const prefix = message.startsWith(`${position(at)} - `) ? '' : `${position(at)} - `
  const text = `${prefix}plugin/${name}: ${message}`
  return new CorefileError('E_COREFILE_PLUGIN', at, text, message, options)
}

/**
 * Runs a plugin's configuration code so that what it throws carries file, line and plugin name,
 * exactly once however deep these calls nest. Errors without a position (a plain `Error`, a failed
 * file read) get the directive's own. Programming errors (TypeError and its kind) pass unchanged.
 */
export function inPlugin<T>(directive: Token, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof CorefileError) throw named(directive.text, error)
    if (error instanceof DnsletError || (error instanceof Error && error.constructor === Error)) {
      throw pluginError(directive.text, directive, error.message, { cause: error })
    }
    throw error
  }
}

/** The error as one of the plugin `name`, and so those beside it. */
function named(name: string, error: CorefileError): CorefileError {
  const others = error.others.map((other) => named(name, other))
  if (error.code === 'E_COREFILE_PLUGIN')
    return others.length === 0 ? error : withOthers(error, others)
  const at = { text: '', file: error.file, line: error.line }
  return pluginError(name, at, error.reason, { cause: error, others })
}

/** Reads both, whatever is wrong with one, and throws all mistakes as one error. */
export function both<A, B>(first: () => A, second: () => B): readonly [A, B] {
  const values = readAll([first, second] as const, (read): A | B => read())
  return values as unknown as readonly [A, B]
}
