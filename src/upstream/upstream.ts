import { type Endpoint, joinHostPort } from '../lib/address.ts'
import { Episode } from '../lib/episode.ts'
import { Flag } from '../wire/codes.ts'
import { fitCounts } from '../wire/cut.ts'
import { rcodeOf, readFlags } from '../wire/header.ts'
import type { Destination } from './ask.ts'
import type { Channel, ChannelOptions } from './channel.ts'
import type { UpstreamContext } from './context.ts'
import { Result, Transport, type UpstreamCounters, upstreamCounters } from './counters.ts'
import { Distrust } from './distrust.ts'
import { EdnsSupport, hasAdditional, isGood, refusesOpt } from './edns-support.ts'
import { type Exchange, type ExchangeHost, ExchangeState } from './exchange.ts'
import { Health } from './health.ts'
import { HttpsPool } from './https-pool.ts'
import { LastFailure } from './last-failure.ts'
import { Verdict } from './reply-check.ts'
import { Secure } from './secure.ts'
import { TcpPool } from './tcp-pool.ts'
import { UdpPool } from './udp-pool.ts'
import type { UpstreamOptions } from './upstream-options.ts'

/** What happens to an upstream that people should know of. */
export interface UpstreamEvents {
  /** Health checks have taken it out of service, or put it back. */
  healthChanged(upstream: Upstream, transport: Transport, down: boolean): void
  /** Why it is not trusted, for the first time in a minute for this reason. */
  distrustBegins(upstream: Upstream, reason: string): void
  /** A client's names hold most of its connections, for the first time in a minute. */
  crowdBegins(upstream: Upstream): void
}

/**
 * One server that we ask: its sockets, its health, and what becomes of each exchange.
 *
 *     ask ─▶ channel ─┬─ received ─▶ owner.replied      an error for our OPT: asked again without it
 *                     │                                 TC or cut over UDP: asked again over TCP
 *                     ├─ (timer)  ─▶ owner.delayed      and goes on waiting
 *                     └─ lost     ─▶ owner.failed
 */
export class Upstream implements ExchangeHost {
  readonly endpoint: Endpoint
  /** `ip:port`, as metrics and logs have it. */
  readonly name: string
  readonly counters: UpstreamCounters
  readonly lastFailure: LastFailure = new LastFailure()
  readonly #context: UpstreamContext
  readonly #secure: Secure | null
  /** How streams go to it. */
  readonly #stream: Transport
  /** By transport, made when first asked: most upstreams are asked over one, those of most zones hardly at all. */
  readonly #channels: [Channel | null, Channel | null] = [null, null]
  readonly #options: ChannelOptions
  readonly #health: readonly [Health, Health]
  readonly #edns = new EdnsSupport()
  readonly #distrust: Distrust

  constructor(
    endpoint: Endpoint,
    options: UpstreamOptions,
    context: UpstreamContext,
    events: UpstreamEvents,
  ) {
    this.endpoint = endpoint
    this.name = joinHostPort(endpoint.host, endpoint.port)
    this.counters = upstreamCounters.get(this.name)
    this.#context = context
    const { counters, name } = this
    const crowd = new Episode()
    const crowded = (): void => {
      counters.crowds++
      if (crowd.begins(context.clock.now)) events.crowdBegins(this)
    }
    const { encryption, source } = options
    const distrust = new Distrust(context.clock, (reason) => events.distrustBegins(this, reason))
    const distrusted = (reason: string): void => distrust.begin(reason)
    const secure = encryption && new Secure(endpoint, source, encryption, distrusted)
    this.#distrust = distrust
    this.#secure = secure
    this.#stream = secure === null ? Transport.Tcp : secure.transport
    this.#options = { ...options, endpoint, context, counters, crowded, name, secure }
    const health = (transport: Transport): Health =>
      new Health(transport, {
        upstream: this,
        counters,
        domain: options.checkDomain,
        recursionDesired: options.checkRecursion,
        maxFails: options.maxFails,
        interval: options.checkInterval,
        changed: (down) => events.healthChanged(this, transport, down),
      })
    this.#health = [health(Transport.Udp), health(this.#stream)]
  }

  /** Over what a query goes that is to go over `transport`: what is encrypted always goes as that. */
  over(transport: Transport): Transport {
    return transport === Transport.Udp && this.#secure === null ? transport : this.#stream
  }

  /** Where it is asked one question apart. */
  destination(transport: Transport): Destination {
    const protocol = this.over(transport) === Transport.Udp ? 'udp' : 'tcp'
    return { ...this.endpoint, protocol, from: this.#options.source, secure: this.#secure }
  }

  /** Whether health checks have found it dead. */
  isDown(transport: Transport): boolean {
    return this.#healthOver(this.over(transport)).down
  }

  #healthOver(transport: Transport): Health {
    return this.#health[placeOf(transport)]
  }

  /** Why its answers are not taken; null where they are, as far as is known. */
  get distrust(): string | null {
    return this.#distrust.reason
  }

  /** Smoothed round trip in milliseconds over this transport; null before the first answer. */
  rtt(transport: Transport): number | null {
    const smoothed = this.#channels[placeOf(this.over(transport))]?.rtt.smoothed ?? -1
    return smoothed < 0 ? null : smoothed
  }

  /** False while a query would wait because the last attempt to connect failed. */
  isReady(transport: Transport): boolean {
    const channel = this.#channels[placeOf(this.over(transport))]
    return channel?.isReady(this.#context.clock.now) ?? true
  }

  #channel(transport: Transport): Channel {
    return (this.#channels[placeOf(transport)] ??= this.#open(transport))
  }

  #open(transport: Transport): Channel {
    const secure = this.#secure
    if (transport === Transport.Udp) return new UdpPool(this.#options)
    const isHttps = transport === Transport.Https && secure !== null
    return isHttps ? new HttpsPool(this.#options, secure) : new TcpPool(this.#options)
  }

  /** Asks. The owner may hear of a failure before this returns. */
  ask(x: Exchange, transport: Transport): void {
    this.counters.inflight++
    x.host = this
    x.state = ExchangeState.Asked
    x.transport = this.over(transport)
    x.askedAt = this.#context.clock.now
    x.sentAt = 0
    x.late = false
    x.moved = 0
    x.queuedAt = 0
    x.cut = false
    x.bareRcode = 0
    // A server behind it may be silent to OPT. To one that is silent anyway a query without it would be another one.
    const needsOpt = x.dnssecOk || x.options !== null
    const { isSilent } = this.#channel(x.transport)
    x.edns = this.#edns.offer(x.askedAt, needsOpt) && (needsOpt || !x.again || isSilent === true)
    this.#carry(x)
  }

  #carry(x: Exchange): void {
    const channel = this.#channel(x.transport)
    if (x.state === ExchangeState.Asked) this.#context.wheel.set(x.timer, channel.rtt.timeout)
    channel.ask(x)
  }

  received(x: Exchange, reply: Buffer, length: number, verdict: Verdict): void {
    const { now } = this.#context.clock
    const channel = this.#channel(x.transport)
    channel.rtt.sample(now - x.sentAt)
    this.#distrust.end()
    channel.backoff.succeeded()
    const flags = readFlags(reply)
    const rcode = rcodeOf(flags)
    x.bareRcode = verdict === Verdict.BareError ? rcode : 0
    const tcp = x.transport !== Transport.Udp
    if (x.edns && refusesOpt(x, reply, length, rcode)) {
      this.#edns.suspect()
      x.edns = false
      this.#carry(x)
    } else if (verdict === Verdict.Answer && (tcp || (flags & Flag.TC) === 0)) {
      // Truncated over TCP as well, it is all that this server has to say.
      this.#answer(x, reply, length, rcode)
    } else if (verdict === Verdict.BareError || tcp) {
      this.lost(x, Result.Invalid, null)
    } else if (verdict === Verdict.Answer) {
      this.#healthOver(x.transport).proven()
      x.owner.truncated(x, reply, fitCounts(reply, length, x.question, true)?.end ?? length)
      this.#askOverTcp(x)
    } else {
      // Cut inside its question: no answer that anybody could be given.
      x.cut = true
      this.#askOverTcp(x)
    }
  }

  #answer(x: Exchange, reply: Buffer, length: number, rcode: number): void {
    const { edns, state, transport } = x
    const seconds = (this.#context.clock.now - x.askedAt) / 1000
    const speaksEdns = edns && (isGood(rcode) || hasAdditional(x, reply, length))
    this.#end(x)
    // From here on the exchange may carry another query already, unless the owner says false.
    if (this.#isTaken(x, reply, length)) {
      this.#healthOver(transport).proven()
      if (speaksEdns) this.#edns.answered()
      else if (!edns) this.#edns.answeredPlain(this.#context.clock.now, isGood(rcode))
      this.counters.results[Result.Reply]!++
      this.counters.answered(rcode, seconds)
    } else if (x.cut && transport === Transport.Udp) {
      this.counters.inflight++
      x.state = state
      this.#askOverTcp(x)
    } else this.#tellFailure(x, Result.Invalid, null)
  }

  /** Whether the owner takes a reply, with the counts of the records that are there if need be. */
  #isTaken(x: Exchange, reply: Buffer, length: number): boolean {
    if (x.owner.replied(x, reply, length)) return true
    const datagram = x.transport === Transport.Udp
    const rest = fitCounts(reply, length, x.question, datagram)
    if (rest?.complete === true) return x.owner.replied(x, reply, rest.end)
    if (rest === null || !datagram) return false
    x.cut = true
    x.owner.truncated(x, reply, rest.end)
    return false
  }

  #askOverTcp(x: Exchange): void {
    x.transport = Transport.Tcp
    x.sentAt = 0
    this.#carry(x)
  }

  lost(x: Exchange, result: Result, code: string | null): void {
    this.#end(x)
    this.#tellFailure(x, result, code)
  }

  #tellFailure(x: Exchange, result: Result, code: string | null): void {
    this.#healthOver(x.transport).suspect()
    // Then the datagram was not merely too short for the answer.
    if (x.cut) this.#health[0].suspect()
    if (result === Result.Invalid || result === Result.Closed) this.#suspectOpt(x)
    this.counters.results[result]!++
    this.lastFailure.note(x, result, code, this.#context.clock.now)
    x.result = result
    x.code = code
    x.owner.failed(x)
  }

  #end(x: Exchange): void {
    x.timer.clear()
    x.state = ExchangeState.Idle
    x.avoid = null
    this.counters.inflight--
  }

  expired(x: Exchange): void {
    const more = this.#channel(x.transport).patience(x)
    if (more > 0) return this.#context.wheel.set(x.timer, more)
    const known = x.late
    x.state = ExchangeState.Late
    x.late = x.sentAt > 0
    if (!known) {
      this.#healthOver(x.transport).suspect()
      this.#suspectOpt(x)
    }
    x.owner.delayed(x, known)
  }

  beaten(x: Exchange): void {
    this.#channel(x.transport).beaten(x)
  }

  /** The server may be one that is silent, hangs up or talks nonsense where a query has OPT. */
  #suspectOpt(x: Exchange): void {
    if (x.edns && x.sentAt > 0) this.#edns.suspect()
  }

  cancelled(x: Exchange, result: Result): void {
    x.carrier?.cancel(x)
    // Nobody had an answer in time, not another one a faster one.
    if (result === Result.Timeout) this.lastFailure.note(x, result, null, this.#context.clock.now)
    this.counters.results[x.state === ExchangeState.Late ? Result.Timeout : result]!++
    this.#end(x)
  }

  /** Nobody will ask any more: closes what is idle now and the rest after its last answer. */
  close(): void {
    for (const channel of this.#channels) channel?.close()
    for (const health of this.#health) health.close()
  }
}

/** Where a pair has what belongs to a transport: datagrams first, then streams. */
function placeOf(transport: Transport): 0 | 1 {
  return transport === Transport.Udp ? 0 : 1
}
