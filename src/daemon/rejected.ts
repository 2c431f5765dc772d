import { clientQueries } from '../serve/client-queries.ts'
import type { Query } from '../serve/query.ts'
import { recordDropped } from '../serve/query-counters.ts'
import { spectator } from '../serve/spectator.ts'
import { isStatusProbe } from './status-probe.ts'

/** Counts a query that a server has answered without any block, unless it is the daemon's own, and shows it. */
export function rejected(q: Query): void {
  if (isStatusProbe(q)) return
  recordDropped(q)
  clientQueries.count(q)
  if (spectator.seen !== null) spectator.seen(q)
}
