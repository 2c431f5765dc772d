import { setImmediate as nextTurn } from 'node:timers/promises'
import type { HttpRoute } from '../../lib/http.ts'
import type { SeenQuery, Status } from '../api.ts'
import type { WatchParts } from '../watch/routes.ts'
import { isTrouble } from './figures.ts'
import { pageRoute } from './index.ts'

/** Entries of each list of the most frequent ones. */
const TOP = 12
/** Queries among which slow and failed ones are looked for. */
const LAST = 1_024
/** Of them, in a turn of the event loop: 3 µs for each that is found. */
const IN_A_TURN = 128
const trouble = {
  client: null,
  suffix: null,
  rcode: null,
  slower: 0,
  wanted: isTrouble,
  limit: LAST,
}

/** The status page of this daemon. */
export function statusPage(status: () => Status, parts: WatchParts): HttpRoute {
  const { pods, traffic, watch } = parts
  return pageRoute({
    status,
    traffic: () => traffic.read(),
    top() {
      pods.look()
      return watch.top(TOP, pods.of)
    },
    queries: () => gatherTrouble(watch.queries(trouble, pods.of)),
  })
}

/** Null for a query that nobody looks for, so many in a turn of the event loop. */
async function gatherTrouble(queries: Iterable<SeenQuery | null>): Promise<(SeenQuery | null)[]> {
  const gathered: (SeenQuery | null)[] = []
  for (const query of queries) {
    gathered.push(query)
    if (gathered.length === LAST) break
    if (gathered.length % IN_A_TURN === 0) await nextTurn()
  }
  return gathered
}
