import { Flag, Rcode } from '../wire/codes.ts'
import { rcodeOf, readCount, readFlags, Section } from '../wire/header.ts'
import { type Endpoint, endpointText } from './address.ts'
import type { Channel, ChannelHost } from './channel.ts'
import type { UpstreamContext } from './context.ts'
import { Result, Transport, type UpstreamCounters, upstreamCounters } from './counters.ts'
import { type Exchange, type ExchangeHost, ExchangeState } from './exchange.ts'
import { Health } from './health.ts'
import { Verdict } from './reply-check.ts'
import { TcpPool } from './tcp-pool.ts'
import { UdpPool } from './udp-pool.ts'

/** How long a server that did not understand OPT is asked without it. */
const PLAIN_MS = 5 * 60_000

/** What tells two upstreams apart, besides their addresses. */
export interface UpstreamOptions {
  /** Local address to ask from, or null. */
  readonly source: string | null
  /** Milliseconds an idle socket is kept. */
  readonly expire: number
  /** Idle sockets kept per transport; 0 for no limit but the pool's. */
  readonly maxIdle: number
  /** Milliseconds: longest timeout of one attempt. */
  readonly readTimeout: number
  /** Failed health checks in a row that it survives; 0: never checked, never down. */
  readonly maxFails: number
  /** Milliseconds between health checks. */
  readonly checkInterval: number
  readonly checkDomain: string
  readonly checkRecursion: boolean
}

/** Told when health checks take an upstream out of service or put it back. */
export type HealthChanged = (upstream: Upstream, transport: Transport, down: boolean) => void

/**
 * One server that we ask: its sockets, its health, and what becomes of each exchange.
 *
 *     ask ─▶ channel ─┬─ received ─▶ owner.replied      FORMERR to our OPT: asked again without it
 *                     │                                 TC over UDP: asked again over TCP
 *                     ├─ (timer)  ─▶ owner.delayed      and goes on waiting
 *                     └─ lost     ─▶ owner.failed
 */
export class Upstream implements ChannelHost, ExchangeHost {
  readonly endpoint: Endpoint
  /** `ip:port`, as metrics and logs have it. */
  readonly name: string
  readonly counters: UpstreamCounters
  readonly #context: UpstreamContext
  readonly #channels: readonly [Channel, Channel]
  readonly #health: readonly [Health, Health]
  /** Clock time until which queries carry no OPT. */
  #plainUntil = 0

  constructor(
    endpoint: Endpoint,
    options: UpstreamOptions,
    context: UpstreamContext,
    changed: HealthChanged,
  ) {
    this.endpoint = endpoint
    this.name = endpointText(endpoint)
    this.counters = upstreamCounters.get(this.name)
    this.#context = context
    const { counters } = this
    const channel = { ...options, endpoint, context, counters }
    this.#channels = [new UdpPool(this, channel), new TcpPool(this, channel)]
    const health = (transport: Transport): Health =>
      new Health(transport, {
        endpoint,
        counters,
        source: options.source,
        domain: options.checkDomain,
        recursionDesired: options.checkRecursion,
        maxFails: options.maxFails,
        interval: options.checkInterval,
        changed: (down) => changed(this, transport, down),
      })
    this.#health = [health(Transport.Udp), health(Transport.Tcp)]
  }

  /** Whether health checks have found it dead. */
  isDown(transport: Transport): boolean {
    return this.#health[transport].down
  }

  /** False while a query would wait because the last attempt to connect failed. */
  isReady(transport: Transport): boolean {
    return this.#channels[transport].isReady(this.#context.clock.now)
  }

  /** Asks. The owner may hear of a failure before this returns. */
  ask(x: Exchange, transport: Transport): void {
    const { now } = this.#context.clock
    this.counters.inflight++
    x.host = this
    x.state = ExchangeState.Asked
    x.transport = transport
    x.askedAt = now
    x.sentAt = 0
    x.late = false
    x.moved = false
    x.bareRcode = 0
    x.edns = now >= this.#plainUntil
    this.#carry(x)
  }

  #carry(x: Exchange): void {
    const channel = this.#channels[x.transport]
    if (x.state === ExchangeState.Asked) this.#context.wheel.set(x.timer, channel.rtt.timeout)
    channel.ask(x)
  }

  received(x: Exchange, reply: Buffer, length: number, verdict: Verdict): void {
    const { now } = this.#context.clock
    const channel = this.#channels[x.transport]
    channel.rtt.sample(now - x.sentAt)
    channel.backoff.succeeded()
    this.#health[x.transport].proven()
    const flags = readFlags(reply)
    const rcode = rcodeOf(flags)
    x.bareRcode = verdict === Verdict.BareError ? rcode : 0
    const refused = isEdnsRefusal(reply, rcode)
    if (x.edns && refused) {
      x.edns = false
      this.#carry(x)
      return
    }
    // Only now it is known that OPT was what the server could not read.
    if (!x.edns && !refused && now >= this.#plainUntil) this.#plainUntil = now + PLAIN_MS
    if (verdict === Verdict.BareError) this.#fail(x, Result.Invalid, null)
    // Truncated over TCP as well, it is all that this server has to say.
    else if ((flags & Flag.TC) === 0 || x.transport === Transport.Tcp) {
      this.#answer(x, reply, length, rcode)
    } else {
      x.owner.truncated(x, reply, length)
      x.transport = Transport.Tcp
      x.sentAt = 0
      this.#carry(x)
    }
  }

  #answer(x: Exchange, reply: Buffer, length: number, rcode: number): void {
    const seconds = (this.#context.clock.now - x.askedAt) / 1000
    this.#end(x)
    // From here on the exchange may carry another query already, unless the owner says false.
    if (x.owner.replied(x, reply, length)) {
      this.counters.results[Result.Reply]!++
      this.counters.answered(rcode, seconds)
    } else this.#tellFailure(x, Result.Invalid, null)
  }

  lost(x: Exchange, result: Result, code: string | null): void {
    this.#health[x.transport].suspect()
    this.#fail(x, result, code)
  }

  #fail(x: Exchange, result: Result, code: string | null): void {
    this.#end(x)
    this.#tellFailure(x, result, code)
  }

  #tellFailure(x: Exchange, result: Result, code: string | null): void {
    this.counters.results[result]!++
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
    x.state = ExchangeState.Late
    x.late = true
    this.#health[x.transport].suspect()
    x.owner.delayed(x)
  }

  cancelled(x: Exchange, result: Result): void {
    x.carrier?.abandon(x)
    this.counters.results[x.state === ExchangeState.Late ? Result.Timeout : result]!++
    this.#end(x)
  }

  /** Nobody will ask any more: closes what is idle now and the rest after its last answer. */
  close(): void {
    for (const channel of this.#channels) channel.close()
    for (const health of this.#health) health.close()
  }
}

/** Whether an error without OPT answers a query with it: the server knows no EDNS (RFC 6891 §7). */
function isEdnsRefusal(reply: Buffer, rcode: number): boolean {
  return (
    (rcode === Rcode.FormErr || rcode === Rcode.NotImp) &&
    readCount(reply, Section.Additional) === 0
  )
}
