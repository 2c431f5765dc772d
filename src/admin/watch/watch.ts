import { SpaceSaving } from '../../lib/space-saving.ts'
import type { Query } from '../../serve/query.ts'
import { spectator } from '../../serve/spectator.ts'
import { sockaddrAddress } from '../../sys/sockaddr.ts'
import { lowerCase } from '../../wire/bytes.ts'
import { Rcode } from '../../wire/codes.ts'
import { HEADER_SIZE } from '../../wire/header.ts'
import { MAX_NAME } from '../../wire/name.ts'
import type { SeenQuery, Top, TopClient, TopEntry } from '../api.ts'
import type { QueryFilter } from './query-filter.ts'
import { RecentQueries, wireText, writeClientKey } from './recent-queries.ts'

/** Milliseconds after the last question for it that queries are looked at. */
const KEPT_MS = 60_000
/** Counters of a sketch: a name with more than a 512th of all queries has one. */
export const COUNTERS = 512
const CLIENT_KEY = 28

export interface WatchOptions {
  /** Monotonic milliseconds, as `Query.receivedAt` has them. */
  readonly now: () => number
  /** Unix time in milliseconds. */
  readonly wallClock: () => number
}

const clocks: WatchOptions = { now: () => performance.now(), wallClock: () => Date.now() }

/**
 * Looks at the queries of clients while somebody asks what they are: the most frequent names and clients,
 * and the last ones. The first question begins it, a minute after the last one it ends, and its
 * memory, 0.5 to 0.65 MB, is given back.
 */
export class Watch {
  readonly #clocks: WatchOptions
  #looking: Looking | null = null
  #end: NodeJS.Timeout | null = null

  constructor(options: WatchOptions = clocks) {
    this.#clocks = options
  }

  get isOn(): boolean {
    return this.#looking !== null
  }

  /** @param limit entries of each list */
  top(limit: number, podOf: (address: string) => string): Top {
    return this.#touch().top(limit, podOf)
  }

  /** The newest first, as `RecentQueries.read()` has them. */
  queries(filter: QueryFilter, podOf: (address: string) => string): Iterable<SeenQuery | null> {
    return this.#touch().recent.read(filter, podOf)
  }

  /** Ends it at once. */
  stop(): void {
    if (this.#end !== null) clearTimeout(this.#end)
    this.#end = null
    this.#looking = null
    spectator.seen = null
  }

  #touch(): Looking {
    if (this.#end !== null) clearTimeout(this.#end)
    this.#end = setTimeout(() => this.stop(), KEPT_MS).unref()
    if (this.#looking !== null) return this.#looking
    const looking = new Looking(this.#clocks)
    this.#looking = looking
    spectator.seen = (q) => looking.see(q)
    return looking
  }
}

/** All that is remembered while somebody looks. */
class Looking {
  readonly recent = new RecentQueries()
  readonly #names = new SpaceSaving(COUNTERS, MAX_NAME)
  readonly #nxdomainNames = new SpaceSaving(COUNTERS, MAX_NAME)
  readonly #clients = new SpaceSaving(COUNTERS, CLIENT_KEY)
  readonly #now: () => number
  readonly #wallClock: () => number
  readonly #since: number
  readonly #key = new Uint8Array(MAX_NAME)

  constructor({ now, wallClock }: WatchOptions) {
    this.#now = now
    this.#wallClock = wallClock
    this.#since = wallClock()
  }

  /** Allocates nothing. Questions of the daemon's own, and those inside others, are nobody's traffic. */
  see(q: Query): void {
    if (q.own || q.depth > 0) return
    const now = this.#now()
    this.recent.add(q, this.#wallClock(), Math.max(0, now - q.receivedAt))
    const key = this.#key
    this.#clients.add(key, writeClientKey(q.client, key))
    const size = q.question.nameEnd - HEADER_SIZE
    if (size <= 0) return
    for (let i = 0; i < size; i++) key[i] = lowerCase[q.wire[HEADER_SIZE + i]!]!
    this.#names.add(key, size)
    if (q.rcode === Rcode.NXDomain) this.#nxdomainNames.add(key, size)
  }

  top(limit: number, podOf: (address: string) => string): Top {
    return {
      since: new Date(this.#since).toISOString(),
      queries: this.#clients.total,
      names: entries(this.#names, limit),
      nxdomainNames: entries(this.#nxdomainNames, limit),
      clients: this.#clients.top(limit).map(({ key, count, error }): TopClient => {
        const address = sockaddrAddress(key)
        return { address, pod: podOf(address), count, error }
      }),
    }
  }
}

function entries(sketch: SpaceSaving, limit: number): TopEntry[] {
  return sketch.top(limit).map(({ key, count, error }) => ({ name: wireText(key), count, error }))
}
