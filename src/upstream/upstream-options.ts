import type { Encryption } from './secure.ts'

/** What tells two upstreams apart, besides their addresses. */
export interface UpstreamOptions {
  /** Local address to ask from, or null. */
  readonly source: string | null
  /** Milliseconds an idle socket is kept. */
  readonly expire: number
  /** Milliseconds after which a connection takes no more queries; 0: no limit. */
  readonly maxAge: number
  /** Idle sockets kept per transport; 0 for no limit but the pool's. */
  readonly maxIdle: number
  /** Milliseconds: longest timeout of one attempt. */
  readonly readTimeout: number
  /** Failed health checks in a row that it survives; 0: never checked, never down. */
  readonly maxFails: number
  /** Milliseconds between health checks. */
  readonly checkInterval: number
  readonly checkDomain: string
  readonly checkRecursion: boolean
  /** How all queries are encrypted, over whatever transport they are to go; null: they are not. */
  readonly encryption: Encryption | null
}
