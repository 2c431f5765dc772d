import type { UpstreamContext } from './context.ts'
import type { Connections } from './connections.ts'
import { Result } from './counters.ts'
import type { Dialler } from './dialler.ts'
import type { Exchange } from './exchange.ts'
import type { Growth } from './growth.ts'
import { Lookout } from './lookout.ts'
import type { OrderProbe } from './order-probe.ts'
import type { Pipelining } from './pipelining.ts'
import type { Places } from './places.ts'
import type { RttEstimator } from './rtt.ts'
import type { Shares } from './shares.ts'
import type { TcpConnection } from './tcp-connection.ts'
import type { WaitingLines } from './waiting-lines.ts'

/** How often a query goes on elsewhere because its connection ended. */
export const MOVES = 3

/** The pool, as far as those who wait are its business. */
export interface TendedPool {
  readonly keepsOrder: boolean
  /** Answers so far. */
  readonly answers: number
  /** Lets `x` wait for a place. */
  wait(x: Exchange): void
  /** Gives those who wait the places there are. */
  pump(): void
  loseAll(all: readonly Exchange[], result: Result, code: string | null): void
}

export interface TendingParts {
  readonly pool: TendedPool
  readonly context: UpstreamContext
  readonly connections: Connections
  /** Told where others begin to go before a client. */
  readonly crowded: () => void
  readonly dialler: Dialler
  readonly growth: Growth
  readonly pipelining: Pipelining
  readonly places: Places
  readonly probe: OrderProbe
  readonly rtt: RttEstimator
  readonly shares: Shares
  readonly waiting: WaitingLines
}

/** Looks after the connections of a pool that are late, and after those who wait, each 10 ms while there are any. */
export class Tending {
  readonly #p: TendingParts
  readonly #lookout: Lookout

  constructor(parts: TendingParts) {
    this.#p = parts
    const { clock, wheel } = parts.context
    this.#lookout = new Lookout(clock, wheel, (heldUp) => this.#tend(heldUp))
  }

  /** At the next tick of the wheel, at most 10 ms from now. */
  later(): void {
    this.#lookout.soon()
  }

  #tend(heldUp: boolean): void {
    const { connections, dialler, growth, pipelining, places, pool, shares, waiting } = this.#p
    const { now } = this.#p.context.clock
    pipelining.calm(now)
    const late: TcpConnection[] = []
    let again = false
    let probing = false
    for (const c of connections.all) {
      if (places.isLate(c)) {
        late.push(c)
        if (!heldUp && this.#relieve(c, now)) probing = true
      }
      if (c.waiting > 0 && (c.owed > 1 || (c.answers === 0 && !pool.keepsOrder))) again = true
    }
    if (shares.look(pool.keepsOrder ? late : [], now)) {
      waiting.sort()
      this.#p.crowded()
    }
    pool.pump()
    if (waiting.size > 0) {
      const { count, ready } = connections
      again = true
      // Whether more connections help is known when the probe has been answered.
      growth.look(probing ? 0 : late.length, ready, count, pool.answers)
      dialler.forWaiting()
      if (pool.keepsOrder && dialler.isFull) this.#makeRoom(now)
    }
    if (again || shares.hasCrowd) this.later()
  }

  /** Takes those behind a late query back. True where it was just asked whether they could pass. */
  #relieve(c: TcpConnection, now: number): boolean {
    const { connections, pipelining, pool, probe, rtt, waiting } = this.#p
    if (c.waiting > 1) pipelining.doubt(now)
    if (!pool.keepsOrder) {
      if (connections.mayBeUnaccepted(c) && c.isSilent(now, rtt.timeout)) this.giveBack(c)
      return false
    }
    if (c.owed > 1 && probe.exchange.carrier !== c) {
      const behind = c.takeBehind()
      // Slow names come in crowds.
      if (behind.length > 0) connections.narrow()
      for (const x of behind) pool.wait(x)
    }
    return pipelining.isUnknown(now) && waiting.size > 0 && probe.send(c)
  }

  /** Closes a connection that the upstream seems not to have accepted. */
  giveBack(c: TcpConnection): void {
    const { connections, context, growth, pool } = this.#p
    growth.refused(connections.proven, context.clock.now)
    for (const x of this.#takeFrom(c)) pool.wait(x)
  }

  /**
   * Gives the places of queries that nobody would wait for any longer to those who have none: a CoreDNS
   * whose own upstream is dead keeps each name for 5 s, and the names that it knows must pass.
   */
  #makeRoom(now: number): void {
    const { connections, pool, waiting } = this.#p
    const hopeless = connections.hopeless(now).slice(0, waiting.size)
    for (const c of hopeless) pool.loseAll(this.#takeFrom(c), Result.Timeout, null)
    if (hopeless.length === 0) this.#displace()
  }

  /** Clients that are no crowd get places of whoever has most; those there wait again. */
  #displace(): void {
    const { dialler, pool, shares, waiting } = this.#p
    if (!shares.hasCrowd) return
    for (const x of waiting.others.all().slice(dialler.underWay)) {
      const c = shares.givesWayTo(x)
      if (c === null) return
      for (const moved of this.#takeFrom(c)) {
        if (++moved.moved > MOVES) pool.loseAll([moved], Result.Timeout, null)
        else pool.wait(moved)
      }
    }
  }

  #takeFrom(c: TcpConnection): Exchange[] {
    const all = this.#p.probe.leaveOut(c.takeAll())
    c.destroy()
    return all
  }
}
