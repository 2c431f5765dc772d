import type { ByteBudget } from '../lib/byte-budget.ts'
import type { Clock } from '../lib/clock.ts'
import type { Holds } from '../lib/holds.ts'
import type { Log } from '../lib/log.ts'
import type { Listeners } from '../net/listeners.ts'
import type { HttpListeners } from '../telemetry/http.ts'
import type { ReceiveCache } from './cache-handover.ts'
import type { Corefile, Fallback, Source } from '../source/corefile-source.ts'

/** What a daemon is made of. */
export interface DaemonParts {
  readonly source: Source
  /** What to serve at start where `source` gives nothing that can be: the first that is not null. */
  readonly fallbacks?: readonly Fallback[]
  /** Told of each configuration that serves, once its plugins have found nothing against it. */
  readonly inService?: (corefile: Corefile) => void
  /** Port of server blocks that name none. */
  readonly port: number
  readonly clock: Clock
  readonly log: Log
  readonly cacheBudget: ByteBudget
  readonly listeners: Listeners
  readonly http: HttpListeners
  /** Where there is a predecessor, its cache. */
  readonly receiveCache?: ReceiveCache | null
  /** Whether a dnslet of another version serves here as well, and may answer in our place. */
  readonly beside?: boolean
  /** A plugin found that the first configuration must not go on. */
  readonly fatal: (message: string) => void
  /** Whether listeners may be bound to addresses that this machine gets later: those of others. */
  readonly freeBind?: boolean
  /** Why nobody should be sent here: others may have reasons of their own. */
  readonly readiness?: Holds
  /** What else makes the process unhealthy: its event loop, its receive queues; null for nothing. */
  readonly vitals?: () => string | null
}
