import type { Query } from '../../serve/query.ts'
import { zoneCounters } from './recorder.ts'

/** What CoreDNS calls queries that its server answers before any plugin. */
const dropped = zoneCounters('dropped')

/**
 * Counts a query that the server itself has answered: no zone, a class it does not serve, a question
 * or OPT record it cannot read, an opcode or EDNS version it does not know.
 */
export function recordDropped(q: Query): void {
  dropped.of(q.server).count(q, 0)
}
