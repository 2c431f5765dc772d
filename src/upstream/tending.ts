import type { Clock } from '../lib/clock.ts'
import { HELD_UP_MS, Timer, type TimerWheel } from '../lib/timer-wheel.ts'
import type { ChannelOptions } from './channel.ts'
import type { Connections } from './connections.ts'
import { Result } from './counters.ts'
import type { Dialler } from './dialler.ts'
import { type Exchange, loseAll } from './exchange.ts'
import type { Growth } from './growth.ts'
import { type OrderProbe, withoutProbes } from './order-probe.ts'
import type { Pipelining } from './pipelining.ts'
import type { Places } from './places.ts'
import type { RttEstimator } from './rtt.ts'
import type { Shares } from './shares.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import type { WaitingLines } from './waiting-list.ts'

/** Turns of the event loop, each as long as a look was held up, in which answers may lie unread. */
const UNREAD_TURNS = 2
/** How often a query goes on elsewhere because its connection ended. */
export const MOVES = 3

/** The pool, as far as those who wait are its business. */
export interface TendedPool {
  /** Answers so far. */
  readonly answers: number
  /** Lets `x` wait for a place. */
  wait(x: Exchange): void
  /** Gives those who wait the places there are. */
  pump(): void
}

export interface TendingParts {
  readonly pool: TendedPool
  readonly options: ChannelOptions
  readonly connections: Connections
  readonly dialler: Dialler
  readonly growth: Growth
  readonly pipelining: Pipelining
  readonly places: Places
  readonly probe: OrderProbe
  /** Asks whether a connection was accepted. */
  readonly trial: OrderProbe
  readonly rtt: RttEstimator
  readonly shares: Shares
  readonly waiting: WaitingLines
}

/** Looks after something at the next tick of the wheel, at most 10 ms from when it is asked to. */
export class Lookout {
  readonly #clock: Clock
  readonly #wheel: TimerWheel
  readonly #timer: Timer
  #askedAt = 0

  /**
   * @param look called once; `heldUp` is 0, or the ms it took where this process, and so perhaps the whole
   *     machine, had no time meanwhile: what seems late then need not be
   */
  constructor(clock: Clock, wheel: TimerWheel, look: (heldUp: number) => void) {
    this.#clock = clock
    this.#wheel = wheel
    this.#timer = new Timer(() => {
      const ms = this.#clock.now - this.#askedAt
      look(ms > HELD_UP_MS ? ms : 0)
    })
  }

  /** Looks at the next tick, once however often this is called before. */
  soon(): void {
    if (this.#timer.isSet) return
    this.#askedAt = this.#clock.now
    this.#wheel.set(this.#timer, 1)
  }
}

/** Looks after the connections of a pool that are late, and after those who wait, each 10 ms while there are any. */
export class Tending {
  readonly #parts: TendingParts
  readonly #lookout: Lookout
  /** Whether it was told that the crowd of now has to leave places to others. */
  #toldOfCrowd = true
  /** Whether a connection was found in this look that the upstream has not accepted. */
  #isRefused = false
  /** Whether a query that went out with others may have been forgotten. */
  #doubtsJoined = false

  constructor(parts: TendingParts) {
    this.#parts = parts
    const { clock, wheel } = parts.options.context
    this.#lookout = new Lookout(clock, wheel, (heldUp) => this.#tend(heldUp))
  }

  /** At the next tick of the wheel, at most 10 ms from now. */
  later(): void {
    this.#lookout.soon()
  }

  /** @param heldUp see `Lookout` */
  #tend(heldUp: number): void {
    const { connections, dialler, growth, pipelining, places, pool, shares, trial, waiting } =
      this.#parts
    const { now } = this.#parts.options.context.clock
    pipelining.calm(now)
    if (this.#doubtsJoined && pipelining.lostJoined(now)) this.#separate()
    this.#doubtsJoined = false
    const late = connections.setAside((c) => places.isLate(c, UNREAD_TURNS * heldUp))
    this.#isRefused = false
    let again = false
    let probing = false
    for (const c of connections.all) {
      if (c.isAside && heldUp === 0 && this.#relieve(c, now)) probing = true
      if (c.waiting > 0 && (c.owed > 1 || (c.answers === 0 && !pipelining.keepsOrder))) again = true
    }
    if (!pipelining.keepsOrder) shares.forget()
    else if (shares.look(late, now)) {
      waiting.sort()
      this.#toldOfCrowd = false
    }
    pool.pump()
    this.#tellOfCrowd()
    if (waiting.size > 0) {
      const { count, ready } = connections
      again = true
      // Whether more connections help is known when the probe has been answered.
      growth.look(probing ? 0 : late.length, ready, count, pool.answers, now, heldUp > 0)
      connections.trim(growth.enough(now))
      dialler.forWaiting()
      if (!trial.isUnderWay && growth.limit.mayTry(connections.count, now)) dialler.try()
      if (pipelining.keepsOrder && dialler.isFull) this.#makeRoom(now)
    }
    if (again || shares.hasCrowd) this.later()
  }

  /** A crowd is nobody's concern before there are no places for all. */
  #tellOfCrowd(): void {
    if (this.#toldOfCrowd || !this.#parts.shares.holdsBack()) return
    this.#toldOfCrowd = true
    this.#parts.options.crowded?.()
  }

  /** Takes those behind a late query back. True where it was just asked whether they could pass. */
  #relieve(c: UpstreamConnection, now: number): boolean {
    const { connections, pipelining, pool, probe, waiting } = this.#parts
    if (c.waiting > 1) pipelining.doubt(now)
    if (!pipelining.keepsOrder) {
      if (connections.mayBeUnaccepted(c)) this.#try(c, now)
      // All names may be slow: those behind them would be asked for anew, and their answers be lost.
      else if (c.waiting > 1 && pipelining.isHearsay(now)) probe.send(c)
      return false
    }
    if (c.owed > 1 && probe.exchange.carrier !== c) {
      const behind = withoutProbes(c.takeBehind())
      // Slow names come in crowds.
      if (behind.length > 0) connections.narrow()
      for (const x of behind) pool.wait(x)
    }
    return pipelining.isUnknown(now) && waiting.size > 0 && probe.send(c)
  }

  /**
   * Asks on a late connection without any answer, which may just have met a query that is dropped, what any
   * server answers at once; closes it where it stays silent. The kernel keeps them in order: then those that
   * were opened later are not accepted either.
   */
  #try(c: UpstreamConnection, now: number): void {
    const { rtt, trial } = this.#parts
    const { carrier, sentAt } = trial.exchange
    const wasTried = carrier === c && now - sentAt >= rtt.blockedAfter
    if ((wasTried || this.#isRefused) && c.isSilent(now, rtt.timeout)) {
      this.#isRefused = true
      this.#giveBack(c)
    } else this.doubt(c)
  }

  /** Asks on `c`, where no other connection is asked, whether the upstream has accepted it. */
  doubt(c: UpstreamConnection): void {
    if (this.#parts.trial.send(c)) this.later()
  }

  /**
   * A query that went out in one write with others was answered sooner where it was asked once more. Whether the
   * others have been forgotten is found out at the next look: the answer may be on its way among others of its kind.
   */
  doubtJoined(): void {
    this.#doubtsJoined = true
    this.later()
  }

  /** Asks anew, one at a time, for what the upstream has read together with other queries and forgotten. */
  #separate(): void {
    const { connections, pool } = this.#parts
    for (const c of connections.all.filter(owesJoined)) {
      for (const x of this.#takeFrom(c)) pool.wait(x)
    }
  }

  #giveBack(c: UpstreamConnection): void {
    const { connections, growth, options, pool } = this.#parts
    growth.limit.refused(connections.proven, options.context.clock.now)
    for (const x of this.#takeFrom(c)) pool.wait(x)
  }

  /**
   * Gives the places of queries that nobody would wait for any longer to those who have none: a CoreDNS
   * whose own upstream is dead keeps each name for 5 s, and the names that it knows must pass.
   */
  #makeRoom(now: number): void {
    const { connections, waiting } = this.#parts
    const hopeless = connections.hopeless(now).slice(0, waiting.size)
    for (const c of hopeless) loseAll(this.#takeFrom(c), Result.Timeout, null)
    if (hopeless.length === 0) this.#displace()
  }

  /** Clients that are no crowd get places of the client that has most; those there wait again. */
  #displace(): void {
    const { dialler, pool, shares, waiting } = this.#parts
    if (!shares.hasCrowd) return
    for (const x of waiting.others.all().slice(dialler.underWay)) {
      const c = shares.givesWayTo(x)
      if (c === null) return
      for (const moved of this.#takeFrom(c)) {
        if (++moved.moved > MOVES) moved.host?.lost(moved, Result.Timeout, null)
        else pool.wait(moved)
      }
    }
  }

  #takeFrom(c: UpstreamConnection): Exchange[] {
    const all = withoutProbes(c.takeAll())
    c.destroy()
    return all
  }
}

/** Whether somebody waits for a query that went out in one write with others before it. */
function owesJoined(c: UpstreamConnection): boolean {
  return c.oldestFirst().some(({ isJoined }) => isJoined)
}
