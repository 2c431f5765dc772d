import { printable } from './printable.ts'

/**
 * Base of every error dnslet raises on purpose: `code` is stable, the message may be reworded. It is one
 * line and printable, whatever of a file or a peer it quotes.
 */
export class DnsletError extends Error {
  /** `E_…`, fit for a test or a metric label. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(printable(message), options)
    this.code = code
    this.name = new.target.name
  }
}

/** The message of whatever was thrown. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
