import { clientQueries, type ClientQueries, sourceNames } from '../../serve/client-queries.ts'
import type { Totals } from '../api.ts'

/** Who asked, and when last, for `/v1/status`. */
export function sourceCounts(
  queries: ClientQueries = clientQueries,
  now: () => number = () => performance.now(),
): Pick<Totals, 'sources' | 'secondsSinceLastClientQuery'> {
  const { lastAt } = queries
  return {
    sources: Object.fromEntries(
      queries.bySource().map((count, source) => [sourceNames[source]!, count]),
    ),
    secondsSinceLastClientQuery: lastAt === null ? null : Math.max(0, now() - lastAt) / 1000,
  }
}
