import type { Socket } from 'node:net'

/** Makes encrypted streams of accepted connections. */
export interface Secure {
  /**
   * Begins a handshake as the server. Calls `done` once: with the stream to read and write, or with null, perhaps
   * before this returns, where there will be none and the connection is cut.
   */
  handshake(socket: Socket, done: (stream: Socket | null) => void): void
}

/** What a server block's certificate gives its listeners. */
export interface SecureSource {
  /** @param protocols names of ALPN (RFC 7301) that are spoken there, the best first */
  secure(protocols: readonly string[]): Secure
}
