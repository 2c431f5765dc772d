import type { Handler } from '../../serve/plugin.ts'
import type { UpstreamContext } from '../../upstream/context.ts'
import type { MuteServers } from './partial-answer.ts'
import type { Policy } from './policy.ts'
import type { Taps } from './taps.ts'

/** What the errands of one directive have in common. */
export interface ErrandRules {
  readonly context: UpstreamContext
  readonly mute: MuteServers
  readonly policy: Policy
  /** Failed attempts after which a query is given up; 0 and null: no limit but that of `#attempt()`. */
  readonly maxAttempts: number | null
  /** Milliseconds that CoreDNS would give each attempt. */
  readonly readTimeout: number
  readonly failfast: boolean
  /** Rcodes for which another upstream is asked; bit n for rcode n. */
  readonly failover: number
  /** Rcodes for which the next `forward` is asked; bit n for rcode n. */
  readonly next: number
  readonly nextOnNodata: boolean
  /** The next `forward`, or null where this is the last. */
  readonly nextForward: Handler | null
  /** Told of every exchange; null where nobody wants to know. */
  readonly taps: Taps | null
  readonly done: Handler
}
