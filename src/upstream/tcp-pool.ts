import type { Backoff } from './backoff.ts'
import type { Channel, ChannelOptions, ConnectionOwner } from './channel.ts'
import { Connections } from './connections.ts'
import type { Sweepable } from './context.ts'
import { Result, Transport } from './counters.ts'
import { Dialler } from './dialler.ts'
import { isDistrust, resultOf } from './error-code.ts'
import { type Exchange, loseAll } from './exchange.ts'
import { FEW, Growth } from './growth.ts'
import { OrderProbe, withoutProbes } from './order-probe.ts'
import { Pipelining, Quota } from './pipelining.ts'
import { Places } from './places.ts'
import { RttEstimator } from './rtt.ts'
import { SecondAttempts } from './second-attempts.ts'
import { Shares } from './shares.ts'
import { Spread } from './spread.ts'
import { MOVES, type TendedPool, Tending } from './tending.ts'
import { DIAL_TIMEOUT_MS, UpstreamConnection } from './upstream-connection.ts'
import { Given, WaitingLines } from './waiting-list.ts'

/** Queries in flight on the least busy connection that make another one worth its dial. */
const BUSY = 100

/**
 * The TCP connections to one upstream, encrypted or not.
 *
 *     ask ─▶ one with a place: the one that owes the least, and is not late
 *       └──▶ waiting list ─▶ places in turn         how many places: Pipelining, Quota
 *                       └──▶ lost, when the last    how many connections: Growth, ConnectionLimit
 *                            dial has failed        when to ask twice: SecondAttempts
 *     late ──▶ those behind the oldest query wait again
 *     ended ─▶ those not answered wait again
 */
export class TcpPool
  implements Channel, ConnectionOwner<UpstreamConnection>, Sweepable, TendedPool
{
  readonly rtt: RttEstimator
  readonly backoff: Backoff
  readonly #options: ChannelOptions
  readonly #connections = new Connections()
  readonly pipelining: Pipelining = new Pipelining()
  readonly #growth: Growth
  readonly #shares: Shares
  readonly #spread: Spread
  readonly #waiting: WaitingLines
  readonly #quota = new Quota()
  readonly #dialler: Dialler
  readonly #places: Places
  readonly #seconds: SecondAttempts
  readonly #probe: OrderProbe
  readonly #trial: OrderProbe
  readonly #tending: Tending
  readonly #transport: Transport
  answers = 0
  #closing = false

  constructor(options: ChannelOptions) {
    this.#options = options
    this.#transport = options.secure === null ? Transport.Tcp : options.secure.transport
    this.#growth = new Growth(options.secure !== null)
    this.#shares = new Shares(this.#connections, this.#growth)
    this.#waiting = new WaitingLines(this.#shares)
    this.#spread = new Spread(options.maxIdle, options.secure !== null)
    this.rtt = new RttEstimator(options.readTimeout)
    const { clock, wheel } = options.context
    const parts = {
      pool: this,
      options,
      clock,
      wheel,
      connections: this.#connections,
      growth: this.#growth,
      pipelining: this.pipelining,
      probe: new OrderProbe(this.pipelining, clock),
      quota: this.#quota,
      rtt: this.rtt,
      shares: this.#shares,
      spread: this.#spread,
      trial: new OrderProbe(this.pipelining, clock),
      waiting: this.#waiting,
    }
    this.#probe = parts.probe
    this.#trial = parts.trial
    this.#dialler = new Dialler(parts)
    this.backoff = this.#dialler.backoff
    this.#places = new Places(parts)
    this.#seconds = new SecondAttempts(this.#connections, this.rtt)
    this.#tending = new Tending({ ...parts, dialler: this.#dialler, places: this.#places })
  }

  isReady(now: number): boolean {
    return now >= this.backoff.until || this.#connections.ready > 0
  }

  ask(x: Exchange): void {
    const { context, maxAge } = this.#options
    if (this.pipelining.asked(context.clock.now)) this.#connections.narrow()
    if (maxAge > 0) this.#connections.retire(context.clock.now)
    this.#seconds.asked()
    if (this.#spread.asked(context.clock.now)) this.#dialler.renew()
    const c = this.#mayPass(x) ? this.#places.find(x, this.#dialler.mayOpen) : null
    if (c === null) {
      if (this.#waiting.full) x.host?.lost(x, Result.Unreachable, null)
      else this.wait(x)
      return
    }
    this.#options.counters.reused[this.#transport]!++
    this.#send(c, x)
    if (this.pipelining.isFree && c.owed > BUSY) this.#dialler.another()
    else this.#dialler.warmUp()
  }

  /** Whether nobody waits who is not to be overtaken. */
  #mayPass(x: Exchange): boolean {
    const before = this.#waiting.before(x)
    if (before !== null && !this.#places.mayBeOvertaken(before)) return false
    this.#shares.count()
    return this.#shares.admits(x)
  }

  #send(c: UpstreamConnection, x: Exchange): void {
    c.send(x)
    if (x.again) c.window = 1
    // Queries behind another one, or on a connection not accepted, may have to be taken back.
    if (c.owed > 1 || !this.pipelining.keepsOrder) this.#tending.later()
  }

  wait(x: Exchange): void {
    const { now } = this.#options.context.clock
    if (this.#waiting.size === 0) this.#growth.begin(this.answers, now)
    this.#waiting.add(x, now)
    this.#options.context.sweeper.add(this)
    this.#dialler.forWaiting()
    this.#tending.later()
  }

  ready(c: UpstreamConnection): void {
    this.#dialler.succeeded()
    this.#connections.connected(c)
    if (c === this.#dialler.trial && this.#trial.send(c)) c.isRetired = true
    else this.#spread.joined(c)
    this.pump()
  }

  pump(): void {
    this.#waiting.serve(this.#give)
  }

  /** Gives one who waits a place. */
  readonly #give = (x: Exchange): Given => {
    this.#shares.count()
    if (!this.#shares.admits(x)) return Given.Nothing
    const c = this.#places.find(x, this.#dialler.mayOpen)
    if (c === null) return this.#places.mayBeOvertaken(x) ? Given.Passed : Given.Nothing
    x.carrier?.cancel(x)
    this.#send(c, x)
    // Its time runs from here; who has been late once is not late again.
    if (!x.late) this.#options.context.wheel.set(x.timer, this.rtt.timeout)
    return Given.Place
  }

  answered(c: UpstreamConnection, count: number, elapsed: number): void {
    // What comes in from those that take no more queries tells nothing of the others.
    if (!c.isRetired) this.answers += count
    const { clock, wheel } = this.#options.context
    this.#growth.answered(count, this.#connections.answered(c), elapsed, clock.now)
    if (c.answers === count) this.#wasProven(c)
    this.pipelining.answered(count, wheel.attended(elapsed))
    if (c.isWanted) {
      c.window = Math.min(c.window + 2 * count, this.pipelining.deepest)
      c.isWanted = false
    }
    if (this.#waiting.size > 0) this.pump()
    const isSpent = c.sent >= this.#quota.limit || c.isAged(clock.now)
    if (c.isIdle && isSpent) c.destroy()
    if (this.#closing) this.#closeIdle()
  }

  /** A connection has answered for the first time: those that it follows take no more queries. */
  #wasProven(c: UpstreamConnection): void {
    this.#growth.limit.wasAccepted()
    if (c === this.#dialler.trial) {
      c.isRetired = false
      this.#growth.limit.wasTaken()
    }
    for (const one of this.#spread.proven(c, this.#options.context.clock.now)) {
      one.isRetired = true
      this.#options.counters.retired++
      if (one.isIdle) one.destroy()
    }
  }

  patience(x: Exchange): number {
    const more = this.#seconds.patience(x, this.#options.context.clock.now)
    return more === 0 && x.again ? this.#moveOn(x) : more
  }

  /**
   * A second attempt is late. Where it has not even arrived, as the connections to a pod that is gone take
   * nothing, it goes on elsewhere: more milliseconds to wait for it, or 0.
   */
  #moveOn(x: Exchange): number {
    const c = x.carrier
    if (!(c instanceof UpstreamConnection) || !c.isUnacknowledged || x.moved >= MOVES) return 0
    c.cancel(x)
    x.avoid = c
    x.moved++
    this.wait(x)
    this.pump()
    return this.rtt.timeout
  }

  beaten(x: Exchange): void {
    const c = x.carrier
    if (!(c instanceof UpstreamConnection)) return
    const unaccepted = this.#connections.mayBeUnaccepted(c)
    this.#seconds.won(c)
    if (unaccepted) this.#tending.doubt(c)
    const { now } = this.#options.context.clock
    // Silence behind the last answer, if not only once, is a quota as well.
    if (x.number === c.answers) this.#quota.ended(c.answers, 0, this.#connections.mostAnswers, now)
    if (x.isJoined) this.#tending.doubtJoined()
  }

  closed(c: UpstreamConnection, code: string | null): void {
    this.#connections.remove(c)
    this.#places.leave(c)
    this.#spread.left(c, this.#connections.all)
    if (c === this.#dialler.trial) this.#dialler.trial = null
    if (c.readyAt > 0) this.#ended(c, code)
    else this.#notDialled(c, code)
  }

  /** What was not answered goes on elsewhere; only the oldest may be why the connection ended. */
  #ended(c: UpstreamConnection, code: string | null): void {
    const { now } = this.#options.context.clock
    const orphans = withoutProbes(c.takeAll())
    const [suspect] = orphans
    const result = code !== null && isDistrust(code) ? Result.Untrusted : Result.Closed
    const moved = suspect?.moved ?? 0
    const isSeasoned = this.#connections.isSeasoned(c, now)
    if (!isSeasoned && moved === 0 && suspect?.again !== true) this.#growth.limit.wasFruitless()
    // A query that has ended others before is the reason, and not a limit of the server's.
    if (c.wasCut && moved < 2) this.#places.learnFrom(c, this.#growth)
    const isShut = !isSeasoned && this.#growth.limit.isShut
    if (isShut) this.backoff.failed(now, code)
    if (suspect !== undefined) {
      const isAlone = !isSeasoned && !this.#connections.isUsed
      if (isAlone && isShut) {
        loseAll([...orphans, ...this.#waiting.takeAll()], result, code)
        return
      }
      this.pipelining.keepApart(now)
      this.#connections.narrow()
      suspect.moved += this.#connections.blame(c)
      if (isAlone || suspect.moved > MOVES) loseAll(orphans.splice(0, 1), result, code)
      for (const x of orphans) this.wait(x)
    }
    this.pump()
    this.#dialler.forWaiting()
  }

  /**
   * A dial failed: who waits is lost with the last one, or with one that has taken as long, unless another
   * connection can help.
   */
  #notDialled({ isSuccessor }: UpstreamConnection, code: string | null): void {
    const { now } = this.#options.context.clock
    const { ready } = this.#connections
    this.#dialler.failed(now, code)
    if (ready > 0 && isSuccessor) return
    if (ready > 0) this.#growth.limit.refused(ready, now)
    else if (this.#dialler.underWay === 0) loseAll(this.#waiting.takeAll(), resultOf(code), code)
    else if (code === 'ETIMEDOUT') {
      loseAll(this.#waiting.takeOlder(now - DIAL_TIMEOUT_MS), resultOf(code), code)
    }
  }

  /** Closes connections that are idle for too long, too many, or hung. */
  sweep(now: number): boolean {
    this.#quota.expire(now)
    this.#probe.giveUp(now)
    this.#trial.giveUp(now)
    this.#spread.age(this.#connections.all, now)
    this.#connections.retire(now)
    this.#connections.sweep(now, FEW, this.#options.maxIdle, this.#options.expire)
    if (this.#closing) this.#closeIdle()
    this.#growth.settle(this.#connections.count, now)
    return this.#connections.count > 0
  }

  close(): void {
    this.#closing = true
    this.#closeIdle()
  }

  #closeIdle(): void {
    if (this.#waiting.size === 0) this.#connections.closeIdle()
  }
}
