import { DnsletError } from '../lib/errors.ts'
import { printableEntry } from '../lib/printable.ts'

/** Of whatever ends a command: mistakes of the user are told in a line, mistakes of ours need their stack. */
export function errorText(error: unknown): string {
  // Printable already, and `check` has several lines.
  if (error instanceof DnsletError) return error.message
  if (!(error instanceof Error)) return printableEntry(String(error))
  const ours = [TypeError, RangeError, ReferenceError, SyntaxError]
  const isOurs = ours.some((kind) => error instanceof kind)
  return printableEntry(isOurs ? (error.stack ?? error.message) : error.message)
}
