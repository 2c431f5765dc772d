import type { Connections } from './connections.ts'
import type { Exchange } from './exchange.ts'
import type { Growth } from './growth.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** The part of all connections that crowds leave to others. */
const RESERVE = 1 / 16
/** A client with fewer late connections is no crowd: this part of all, and of what the largest one has. */
const LITTLE = 1 / 64
const FEWER = 1 / 4
/** How long a client stays one: when its names are given up all at once, more of them wait. */
const CROWD_MS = 2_000

/**
 * Who may have the last connections to an upstream that answers in order, where names that nobody answers
 * hold most of them: then clients with many of those make a crowd, and leave some places to all others, who
 * do not stand in line behind them either.
 *
 *     | late, of client A ██████████████████ | late, of B ██ | answered soon | reserve | most
 *                                                      A may go so far: ▲    others: ▲
 *
 * Where less than half of the connections are late, nobody is a crowd; and where less than that are busy,
 * crowds have what they want. A client with many fast names is never one: the turns in which clients that wait
 * get places (`WaitingList`) do for that.
 */
export class Shares {
  readonly #connections: Connections
  readonly #growth: Growth
  /** Late connections by the client whose query is the oldest there. */
  readonly #held = new Map<number, UpstreamConnection[]>()
  /** Clients that are crowds, and the clock times until which they are. */
  readonly #crowds = new Map<number, number>()
  #left = 0

  constructor(connections: Connections, growth: Growth) {
    this.#connections = connections
    this.#growth = growth
  }

  /** Whether any client is a crowd. */
  get hasCrowd(): boolean {
    return this.#crowds.size > 0
  }

  /** The clients that are. */
  get crowds(): { has(client: number): boolean } {
    return this.#crowds
  }

  /** Whether one has to leave places to others. */
  holdsBack(): boolean {
    this.count()
    return this.hasCrowd && this.#left <= 0
  }

  /** Looks again: these connections are late. Returns whether there is a new crowd. */
  look(late: readonly UpstreamConnection[], now: number): boolean {
    for (const [client, until] of this.#crowds) if (now > until) this.#crowds.delete(client)
    const before = this.#crowds.size
    this.#held.clear()
    if (2 * late.length > this.#connections.count) this.#findCrowds(late, now)
    return this.#crowds.size > before
  }

  /** The upstream does not answer in order: connections have room for everybody. */
  forget(): void {
    if (this.#crowds.size > 0) this.#crowds.clear()
    this.#held.clear()
  }

  #findCrowds(late: readonly UpstreamConnection[], now: number): void {
    let largest = 0
    for (const c of late) {
      const { holder } = c
      const own = this.#held.get(holder)
      if (own === undefined) this.#held.set(holder, [c])
      else own.push(c)
      largest = Math.max(largest, own?.length ?? 1)
    }
    const little = Math.max(this.#growth.most * LITTLE, largest * FEWER)
    for (const [client, { length }] of this.#held) {
      if (length > little) this.#crowds.set(client, now + CROWD_MS)
    }
  }

  isCrowd({ client }: Exchange): boolean {
    return this.#crowds.size > 0 && this.#crowds.has(client)
  }

  /** Whether `x` may have a place, if there is one; as of the last count. */
  admits(x: Exchange): boolean {
    return this.#left > 0 || !this.isCrowd(x)
  }

  /** Counts how many connections are left to crowds. */
  count(): void {
    if (this.#crowds.size === 0) return
    const { most } = this.#growth
    // The only one that the upstream takes has no part that could be left to others.
    this.#left = most === 1 ? 1 : most - Math.ceil(most * RESERVE) - this.#connections.busy
  }

  /**
   * The late connection that gives way to `x`, of the client that holds most: one that nobody waits on any
   * more, or else the longest silent; null where none does.
   */
  givesWayTo({ client }: Exchange): UpstreamConnection | null {
    let most: UpstreamConnection[] = []
    for (const own of this.#held.values()) if (own.length > most.length) most = own
    if (most.length <= (this.#held.get(client)?.length ?? 0) + 1) return null
    const gone =
      most.find((c) => c.isIdle) ?? most.reduce((a, b) => (b.progressAt < a.progressAt ? b : a))
    most.splice(most.indexOf(gone), 1)
    return gone
  }
}
