/** Base of every error dnslet raises on purpose: `code` is stable, the message may be reworded. */
export class DnsletError extends Error {
  /** `E_…`, fit for a test or a metric label. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}
