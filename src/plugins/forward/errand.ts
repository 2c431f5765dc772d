import { keptQueries } from '../../serve/kept-queries.ts'
import { Outcome, Protocol, type Query } from '../../serve/query.ts'
import { spectator } from '../../serve/spectator.ts'
import { Result, Transport } from '../../upstream/counters.ts'
import { Exchange, type ExchangeOwner, ExchangeState } from '../../upstream/exchange.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import { Flag, Rcode } from '../../wire/codes.ts'
import { compress } from '../../wire/compress.ts'
import { gatherErrors } from '../../wire/edns.ts'
import { readFlags } from '../../wire/header.ts'
import { writeFailure } from '../../wire/reply.ts'
import { capTtls, MAX_TTL } from '../../wire/ttl.ts'
import { leaveOutUnrelated } from '../../wire/unrelated.ts'
import { Deadline, timeFor } from './deadline.ts'
import type { ErrandRules } from './errand-rules.ts'
import { type Failure, failureEde, failureText } from './failure.ts'
import { KeptReply } from './kept-reply.ts'
import { PartialAnswer } from './partial-answer.ts'
import { records, scan } from './scan.ts'
import { Taps } from './taps.ts'
import { ATTEMPTS_PER_UPSTREAM, MOST_FURTHER, UpstreamChoice } from './upstream-choice.ts'

/**
 * One query on its way to the upstreams: attempts one after the other, of which several may be under
 * way at the end, for an answer that is late is still an answer. Pooled, as are its exchanges.
 *
 *     start ─▶ attempt ─▶ replied ─▶ done                first answer wins, the others are cancelled
 *                 ▲   ├─▶ delayed ─▶ another attempt, if there may be one
 *                 │   └─▶ failed  ─▶ another attempt, else wait for those under way, else SERVFAIL
 *                 └── rcode of `failover`, or SERVFAIL or REFUSED while others are under way: kept, as `KeptReply`
 */
export class Errand implements ExchangeOwner {
  readonly #rules: ErrandRules
  readonly #release: (errand: Errand) => void
  readonly #choice: UpstreamChoice
  readonly #deadline: Deadline
  readonly #partial: PartialAnswer
  readonly #kept: KeptReply
  readonly #exchanges: Exchange[] = []
  #q: Query | null = null
  #upstreams: readonly Upstream[] = []
  #transport: Transport = 0
  #attempts = 0
  #failures = 0
  #underWay = 0
  /** An error that an upstream sent without the question, to give if there is no reply at all; 0: none. */
  #bareRcode = 0
  #failure: Failure | null = null

  /** @param release takes it back for another query */
  constructor(rules: ErrandRules, release: (errand: Errand) => void) {
    this.#rules = rules
    this.#release = release
    this.#choice = new UpstreamChoice(rules.policy, rules.failfast)
    this.#deadline = new Deadline(rules.context, () => this.#timeUp())
    this.#partial = new PartialAnswer(rules.context.clock, rules.mute)
    this.#kept = new KeptReply(rules.failover)
  }

  /** Begins with a kept query; `done` may be called before this returns. */
  start(q: Query, upstreams: readonly Upstream[], transport: Transport): void {
    this.#q = q
    this.#upstreams = upstreams
    this.#transport = transport
    this.#attempts = this.#failures = this.#underWay = 0
    this.#choice.begin(upstreams, transport)
    const { maxAttempts, readTimeout } = this.#rules
    const attempts = maxAttempts ?? ATTEMPTS_PER_UPSTREAM * upstreams.length
    this.#deadline.begin(q.receivedAt + q.patience, timeFor(attempts, readTimeout))
    try {
      if (!this.#attempt(null)) this.#giveUp()
    } catch (cause) {
      // A defect below: whoever catches it has the query again.
      if (this.#q === q) this.#end(Result.Superseded)
      throw cause
    }
  }

  /**
   * Asks the next upstream, if there may be another attempt. Where it fails at once, `failed` has
   * run when this returns true, and the errand may be over.
   *
   * @param further attempts there may be beyond those that every query has
   */
  #attempt(earlier: Exchange | null, further: number = 0): boolean {
    if (this.#isSpent(further)) return false
    const index = this.#choice.next(earlier, ATTEMPTS_PER_UPSTREAM + further)
    if (index < 0) return false
    if (this.#choice.isLastResort) this.#deadline.within(this.#rules.readTimeout)
    this.#ask(index, earlier !== null && earlier.index === index ? earlier : null)
    return true
  }

  /** Whether there may be no other attempt, for there were so many. */
  #isSpent(further: number): boolean {
    const limit = this.#rules.maxAttempts ?? 0
    if (limit > 0 && this.#failures >= limit) return true
    return this.#attempts >= ATTEMPTS_PER_UPSTREAM * this.#upstreams.length + further
  }

  #ask(index: number, earlier: Exchange | null): void {
    const upstream = this.#upstreams[index]!
    const q = this.#q!
    const x = this.#idleExchange()
    q.upstream = upstream.name
    x.query = q.wire
    x.question = q.question
    x.flags = q.flags
    x.dnssecOk = q.edns.dnssecOk
    x.options = q.options
    x.udpSize = q.maxUdpSize
    x.client = q.place
    x.index = index
    x.tellsLocal = this.#rules.taps !== null
    x.again = earlier !== null
    x.avoid = earlier === null ? null : earlier.carrier
    x.further = this.#further()
    if (this.#attempts++ > 0) upstream.counters.retries++
    x.isLast = this.#attempts >= this.#upstreams.length
    this.#underWay++
    upstream.ask(x, this.#transport)
  }

  /** Which further attempt would come after the next one; see `Exchange`. */
  #further(): number {
    return Math.max(0, this.#attempts - ATTEMPTS_PER_UPSTREAM * (this.#upstreams.length - 1))
  }

  #idleExchange(): Exchange {
    for (const x of this.#exchanges) if (x.state === ExchangeState.Idle) return x
    const x = new Exchange(this)
    this.#exchanges.push(x)
    return x
  }

  replied(x: Exchange, reply: Buffer, length: number): boolean {
    const q = this.#q!
    if (!scan(reply, length, q)) {
      this.#rules.context.strange(this.#upstreams[x.index]!.name, reply, length)
      return false
    }
    q.upstream = this.#upstreams[x.index]!.name
    if (x.transport === Transport.Tcp) this.#rules.mute.answered(this.#upstreams[x.index]!)
    this.#tap(x, reply, length)
    this.#underWay--
    if (this.#kept.isRejected(records.rcode) && this.#hopeFor(reply, length)) return true
    if (this.#underWay > 0) for (const other of this.#exchanges) other.lostTo(x)
    const nodata = records.rcode === Rcode.NoError && records.answerCount === 0
    this.#pass(q, reply, nodata && this.#rules.nextOnNodata)
    return true
  }

  /**
   * Waits for a better reply, with the time of one attempt: from those under way or, where `failover` says so, from
   * an upstream that has not been asked yet. True where there is still hope.
   */
  #hopeFor(reply: Buffer, length: number): boolean {
    const isFailover = (this.#rules.failover & (1 << records.rcode)) !== 0
    const index = isFailover ? this.#choice.untried() : -1
    if (index < 0 && this.#underWay === 0) return false
    this.#kept.keep(reply, length)
    this.#deadline.within(this.#rules.readTimeout)
    if (index >= 0) this.#ask(index, null)
    return true
  }

  truncated(x: Exchange, reply: Buffer, length: number): void {
    this.#tap(x, reply, length)
    if (!this.#kept.keep(reply, length)) return
    const { target } = this.#q!
    if ((readFlags(reply) & Flag.TC) === 0 || target.protocol !== Protocol.Udp) return
    this.#deadline.within(this.#partial.begin(this.#upstreams[x.index]!))
  }

  delayed(x: Exchange, known: boolean): void {
    // To wait for a connection is no failed attempt; another upstream may have one.
    if (x.late && !known) this.#failures++
    this.#note(x, Result.Timeout, null)
    if (keptQueries.isCrowdedBy(this.#q!)) return void this.#askUntried()
    const further = x.transport === Transport.Udp ? MOST_FURTHER : 0
    // All are down, or asked already: that may be over before the query is.
    if (!this.#attempt(x, further) && further > 0 && !this.#isSpent(further))
      x.remind(this.#rules.context.wheel)
  }

  /** Asks who has not been asked: nobody is asked twice for a client that keeps us busy. */
  #askUntried(): boolean {
    const index = this.#choice.untried()
    if (index >= 0) this.#ask(index, null)
    return index >= 0
  }

  failed(x: Exchange): void {
    // One that was late is counted already.
    if (!x.late) this.#failures++
    this.#tap(x, null, 0)
    this.#underWay--
    if (x.bareRcode > 0) this.#bareRcode = x.bareRcode
    this.#note(x, x.result, x.code)
    const isCrowd = x.result === Result.Timeout && keptQueries.isCrowdedBy(this.#q!)
    const again = isCrowd ? this.#askUntried() : this.#attempt(x)
    if (again) return
    if (this.#underWay === 0) this.#giveUp()
    else if (x.transport === Transport.Udp) this.#goOn(x)
  }

  /**
   * Goes on with an attempt that is late, where the one that was to make up for it has failed as `x`: its datagram
   * is lost if the upstream was just replaced. What was not delivered does not count.
   */
  #goOn({ index, result }: Exchange): void {
    if (result !== Result.Invalid) {
      this.#attempts--
      this.#choice.giveBack(index)
    }
    const others = this.#exchanges.filter(({ transport }) => transport === Transport.Udp)
    if (others.some(({ state }) => state === ExchangeState.Asked)) return
    others.find(({ state }) => state === ExchangeState.Late)?.remind(this.#rules.context.wheel)
  }

  /** Null where nobody wants to know what becomes of exchanges. */
  #wanted(): Taps | null {
    return this.#rules.taps ?? (spectator.exchanged === null ? null : Taps.none)
  }

  #tap(x: Exchange, reply: Buffer | null, length: number): void {
    this.#wanted()?.tell(this.#q!, x, this.#upstreams[x.index]!.name, reply, length)
  }

  #note(x: Exchange, result: Result, code: string | null): void {
    const upstream = this.#upstreams[x.index]!.name
    const { transport, carrier } = x
    const local = carrier?.local ?? (code !== null && transport === Transport.Udp ? x.local : '')
    this.#failure = { upstream, local, transport, result, code, sent: x.sentAt > 0 }
  }

  #timeUp(): void {
    this.#partial.timeUp()
    const waiting = this.#exchanges.find((x) => x.state !== ExchangeState.Idle)
    if (waiting !== undefined) this.#note(waiting, Result.Timeout, null)
    this.#giveUp()
  }

  /** There will be no answer: the kept reply, or SERVFAIL and why. */
  #giveUp(): void {
    const q = this.#q!
    const kept = this.#kept.get()
    const failure = this.#failure
    if (kept !== null && scan(kept, kept.length, q)) return this.#pass(q, kept, false)
    const bare = this.#bareRcode
    this.#end(Result.Timeout)
    // What they all say to a class they do not know. SERVFAIL needs no witness, but a reason.
    if (bare > 0 && bare !== Rcode.ServFail) {
      q.outLength = writeFailure(q.reserve(), q.wire, q.flags, q.question, bare)
      q.outcome = Outcome.Message
    } else if (failure === null)
      q.fail(Rcode.ServFail, 'no healthy proxies', failureEde(Result.Timeout))
    else q.fail(Rcode.ServFail, failureText(failure), failureEde(failure.result))
    q.answeredBy = 'forward'
    this.#rules.done(q)
  }

  /** Gives the query the scanned reply, or hands it to the next `forward`: for its rcode, or as `isForNext` says. */
  #pass(q: Query, reply: Buffer, isForNext: boolean): void {
    const { next, nextForward } = this.#rules
    if (nextForward !== null && (isForNext || (next & (1 << records.rcode)) !== 0)) {
      this.#end(Result.Superseded)
      nextForward(q)
    } else this.#deliver(q, reply)
  }

  /** Gives the scanned reply to its query. */
  #deliver(q: Query, reply: Buffer): void {
    this.#end(Result.Superseded)
    if (records.ede >= 0) gatherErrors(reply, records.optionsAt, records.optionsEnd, q.errors)
    leaveOutUnrelated(reply, q.question, records)
    q.outLength = compress(reply, records, q.question, q.reserve())
    if (records.hasNegativeTtl) capTtls(q.out, records, MAX_TTL)
    q.outcome = Outcome.Message
    q.records = records
    q.answeredBy = 'forward'
    this.#rules.done(q)
  }

  /** Cancels what is under way, as `result`, and gives the errand back: the query is no longer ours. */
  #end(result: Result): void {
    this.#deadline.clear()
    this.#partial.end()
    if (this.#underWay > 0) {
      this.#wanted()?.tellUnanswered(this.#q!, this.#exchanges, this.#upstreams)
      for (const x of this.#exchanges) x.cancel(result)
    }
    this.#q = null
    this.#kept.clear()
    this.#bareRcode = 0
    this.#failure = null
    this.#release(this)
  }
}
