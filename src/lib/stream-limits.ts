/** What a listener allows a client over TCP, TLS or HTTPS; the directive `timeouts` sets it. */
export interface StreamLimits {
  /** Milliseconds for the first message, and for a TLS handshake before it; over HTTPS for each body. */
  readonly readMs: number
  /** Milliseconds in which a client that has answers to read reads none. */
  readonly writeMs: number
  /** Milliseconds without a message. */
  readonly idleMs: number
  /** Messages of a TCP or TLS connection, after which it ends; Infinity for all that come. */
  readonly maxQueries: number
}
