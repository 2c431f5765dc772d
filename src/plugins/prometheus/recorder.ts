import type { Clock } from '../../lib/clock.ts'
import { ByServer } from '../../lib/counters.ts'
import type { Query } from '../../serve/query.ts'
import { ZoneTable } from '../../serve/zone-table.ts'
import { queryCounters, type QueryCounters } from './counters.ts'

type ZoneCounters = ByServer<QueryCounters>

export function zoneCounters(zone: string): ZoneCounters {
  return new ByServer((server) => queryCounters.get(server, zone))
}

/** Counts the queries of one server block. */
export class Recorder {
  readonly #clock: Clock
  readonly #root = zoneCounters('.')
  /** Null where the block has one zone: then every query is in it. */
  readonly #zones: ZoneTable<ZoneCounters> | null
  readonly #only: ZoneCounters

  /** @param zones those of the block, normalised; at least one */
  constructor(zones: readonly string[], clock: Clock) {
    this.#clock = clock
    this.#only = zoneCounters(zones[0] ?? '.')
    this.#zones = zones.length > 1 ? new ZoneTable() : null
    for (const zone of zones) this.#zones?.add(zone, zoneCounters(zone))
  }

  readonly record = (q: Query): void => {
    const zone =
      this.#zones === null ? this.#only : (this.#zones.find(q.wire, q.question) ?? this.#root)
    zone.of(q.server).count(q, (this.#clock.now - q.receivedAt) / 1000)
  }
}
