import type { Explained } from '../../serve/inspection.ts'
import type { Query } from '../../serve/query.ts'
import { rcodeName } from '../../wire/codes.ts'
import { CacheKey } from './cache-key.ts'
import type { Entry } from './entry.ts'
import type { Flights } from './flights.ts'
import type { StaleAnswers } from './stale.ts'
import type { Store } from './store.ts'
import type { CacheStores } from './stores.ts'

interface Explaining {
  readonly stores: CacheStores
  readonly stale: StaleAnswers | null
  readonly flights: Pick<Flights, 'find'>
  readonly now: number
}

/** What `Lookup` would do with a query. Nothing is counted, and no answer counts as used. */
export function explainLookup(q: Query, { stores, stale, flights, now }: Explaining): Explained {
  const key = new CacheKey()
  key.read(q)
  const positive = peek(stores.success, key)
  const negative = peek(stores.denial, key)
  if (positive?.isFresh(now) === true) return hit(positive, now)
  if (negative?.isFresh(now) === true && stale?.beats(positive, negative) !== true) {
    return hit(negative, now)
  }
  const flight = flights.find(key)
  const asked = flight === null ? 'the upstream is asked' : 'waits for the question under way'
  const entry = stale === null ? null : stale.choose(positive, negative)
  if (stale === null || entry === null) {
    const old = positive ?? negative
    const since = old === null ? '' : `, what was there expired ${seconds(now - old.expiresAt)} ago`
    return { says: [`miss: ${asked}${since}`], ends: false }
  }
  const expired = `expired ${seconds(entry.staleFor(now))} ago`
  const { askFirst, timeout } = stale.config
  if (stale.backingOff(entry)) {
    return { says: [`${expired}: answers stale at once, the last refresh has failed`], ends: true }
  }
  if (!askFirst || flight?.overdue === true) {
    return { says: [`${expired}: answers stale at once, and ${asked}`], ends: false }
  }
  const says = `${expired}: ${asked}; without an answer in ${seconds(timeout)} it is given stale`
  return { says: [says], ends: false }
}

function hit(entry: Entry, now: number): Explained {
  const left = seconds(entry.expiresAt - now)
  return { says: [`hit: ${rcodeName(entry.rcode)} from memory, ${left} left`], ends: true }
}

function peek(store: Store, key: CacheKey): Entry | null {
  const entry = store.peek(key.hash)
  return entry?.answers(key) === true ? entry : null
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms / 1000)} s`
}
