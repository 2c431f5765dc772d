import type { Clock } from '../../lib/clock.ts'
import type { Query, ServerIdentity } from '../../serve/query.ts'
import { ZoneTable } from '../../serve/zone-table.ts'
import { queryCounters, type QueryCounters } from './counters.ts'

/** The counters of one zone by server, found without a string look-up. */
export class ZoneCounters {
  readonly #zone: string
  readonly #byServer: (QueryCounters | undefined)[] = []

  constructor(zone: string) {
    this.#zone = zone
  }

  of(server: ServerIdentity): QueryCounters {
    return this.#byServer[server.index] ?? this.#find(server)
  }

  #find(server: ServerIdentity): QueryCounters {
    const counters = queryCounters.get(server.name, this.#zone)
    while (this.#byServer.length <= server.index) this.#byServer.push(undefined)
    this.#byServer[server.index] = counters
    return counters
  }
}

/** Counts the queries of one server block. */
export class Recorder {
  readonly #clock: Clock
  readonly #root = new ZoneCounters('.')
  /** Null where the block has one zone: then every query is in it. */
  readonly #zones: ZoneTable<ZoneCounters> | null
  readonly #only: ZoneCounters

  /** @param zones those of the block, normalised; at least one */
  constructor(zones: readonly string[], clock: Clock) {
    this.#clock = clock
    this.#only = new ZoneCounters(zones[0] ?? '.')
    this.#zones = zones.length > 1 ? new ZoneTable() : null
    for (const zone of zones) this.#zones?.add(zone, new ZoneCounters(zone))
  }

  readonly record = (q: Query): void => {
    const zone =
      this.#zones === null ? this.#only : (this.#zones.find(q.wire, q.question) ?? this.#root)
    zone.of(q.server).count(q, (this.#clock.now - q.receivedAt) / 1000)
  }
}
