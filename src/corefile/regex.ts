import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'

import { DnsletError } from '../lib/errors.ts'
import { valueError } from './error.ts'
import type { Token } from './token.ts'

/** A compiled pattern: unanchored, leftmost, first alternative; without state. */
export type Pattern = Pick<RE2JS, 'test' | 'matcher' | 'groupCount' | 'namedGroups'>

type Library = typeof import('re2js')
let library: Library | null = null

/** Few Corefiles have a pattern: the others do not pay 1.5 MiB for the library. */
function load(): Library {
  library ??= createRequire(import.meta.url)('re2js') as Library
  return library
}

/**
 * A pattern in RE2's syntax, as Go's regexp has it. It takes linear time whatever the pattern and the text:
 * patterns meet names that strangers choose. Throws DnsletError `E_REGEX` with Go's text.
 */
export function compileRegex(pattern: string): Pattern {
  const { RE2JS: engine } = load()
  try {
    return engine.compile(pattern)
  } catch (error) {
    throw new DnsletError('E_REGEX', (error as Error).message)
  }
}

/** One argument that is a regular expression. Errors as Go's regexp.Compile. */
export function regex(token: Token): Pattern {
  try {
    return compileRegex(token.text)
  } catch (error) {
    if (!(error instanceof DnsletError)) throw error
    throw valueError(token, error.message)
  }
}
