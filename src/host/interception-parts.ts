import type { Beat } from '../lib/beat.ts'
import type { Holds } from '../lib/holds.ts'
import type { Log } from '../lib/log.ts'
import type { Libc } from '../sys/libc.ts'
import type { Fallback } from './fallback.ts'
import type { NodeInterface } from './interface.ts'
import type { Rules } from './rules/rules.ts'

/** What interception asks of the daemon. None of these reject. */
interface Served {
  /** Whether the upstream of cluster names is known: without it kube-dns answers better than we. */
  upstreamKnown(): boolean
  /** A real question, by way of sockets nobody else knows of; null, or what is wrong. */
  selfQuery(): Promise<string | null>
  /** The daemon's own addresses, as clients reach them; null, or what is wrong. */
  selfCheck(): Promise<string | null>
}

export interface InterceptionParts {
  readonly libc: Libc
  readonly log: Log
  readonly served: Served
  readonly readiness: Holds
  /** Null where -setupiptables=false. */
  readonly rules: Rules | null
  /** Rules for addresses that stay when we are gone: on `lo`, where we cannot have a link of our own. */
  readonly socketRules: () => Promise<Rules>
  /** Opens the interface, null where -setupinterface=false. Throws DnsletError. */
  readonly openInterface: (() => NodeInterface) | null
  /** Who answers at addresses that kube-proxy knows nothing of; null where there are none such. */
  readonly fallback: Fallback | null
  /** Whether nobody else would answer at any of the addresses. */
  readonly isAlone: () => boolean
  /** Whether another process serves these addresses as well, with rules and interface of its own. */
  readonly isShared: () => boolean
  readonly syncIntervalMs: number
  /** Default: the process's. */
  readonly beat?: Beat
}
