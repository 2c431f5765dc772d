import { Type } from '../wire/codes.ts'
import type { Query } from './query.ts'
import { ZoneTable } from './zone-table.ts'

/** Who takes queries of a zone. */
interface Taker {
  /** Absent: takes any. */
  readonly accepts?: ((q: Query) => boolean) | undefined
}

/**
 * The zones of a server whose blocks choose among queries. Of the zones that contain a name, the longest
 * with a block that accepts the query has it; of the zone's blocks the first one.
 */
export class FilteredZones<T extends Taker> {
  readonly #table = new ZoneTable<readonly T[]>()
  /** Scratch of `find()`, the shortest zone first. */
  readonly #found: (readonly T[])[] = []

  /** @param zones normalised, each with its blocks in the order of the Corefile */
  constructor(zones: Iterable<readonly [zone: string, takers: readonly T[]]>) {
    for (const [zone, takers] of zones) this.#table.add(zone, takers)
  }

  /**
   * Undefined where no block takes the query. As in `ZoneTable.find()`, DS belongs to the shortest zone but
   * the root.
   */
  find(q: Query): T | undefined {
    const found = this.#found
    found.length = 0
    this.#table.findAll(q.wire, q.question, found)
    if (q.question.type !== Type.DS) found.reverse()
    else if (this.#table.hasRoot) found.push(found.shift()!)
    for (const takers of found) {
      for (const taker of takers) if (taker.accepts?.(q) !== false) return taker
    }
    return undefined
  }
}
