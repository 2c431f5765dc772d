import type { HttpRoute } from '../../lib/http.ts'
import type { Status } from '../api.ts'
import type { WatchParts } from '../watch/routes.ts'
import { pageRoute } from './index.ts'

/** Entries of each list of the most frequent ones. */
const TOP = 12
/** Queries among which slow and failed ones are looked for. */
const LAST = 1_024
const all = { client: null, suffix: null, rcode: null, slower: 0, limit: LAST }

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
    queries: () => watch.queries(all, pods.of),
  })
}
