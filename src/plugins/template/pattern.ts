import { errorAt, type Pattern, type Token } from '../../corefile/directive.ts'
import { compileRegex } from '../../corefile/regex.ts'
import { DnsletError } from '../../lib/errors.ts'

/** Octets of the longest pattern, as in CoreDNS. */
const MAX_PATTERN = 10_000

/** A pattern as it was written; null stands for `.*`, which matches every name. */
export interface NamedPattern {
  readonly source: string
  readonly pattern: Pattern | null
}

/** Throws CorefileError where it is too long, or no pattern of RE2. */
export function readPattern(token: Token): NamedPattern {
  const { text: source } = token
  const length = Buffer.byteLength(source)
  if (length > MAX_PATTERN) {
    throw errorAt(token, `regex pattern too long: ${length} > ${MAX_PATTERN}`)
  }
  try {
    return { source, pattern: source === '.*' ? null : compileRegex(source) }
  } catch (error) {
    if (!(error instanceof DnsletError)) throw error
    throw errorAt(token, `could not parse regex: ${source}, ${error.message}`)
  }
}
