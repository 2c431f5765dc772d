import { TimerWheel } from '../../src/lib/timer-wheel.ts'
import type { Channel, ChannelOptions } from '../../src/upstream/channel.ts'
import { makeContext, type UpstreamContext } from '../../src/upstream/context.ts'
import { type Result, UpstreamCounters } from '../../src/upstream/counters.ts'
import {
  Exchange,
  type ExchangeHost,
  type ExchangeOwner,
  ExchangeState,
} from '../../src/upstream/exchange.ts'
import { TcpPool } from '../../src/upstream/tcp-pool.ts'
import { UdpPool } from '../../src/upstream/udp-pool.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { message, questionOf } from '../wire/message.ts'

/** Time that only the test moves; timers expire when it says so. */
export interface Manual {
  readonly clock: ManualClock
  readonly context: UpstreamContext
  /** Moves the time and lets expire and sweep what is due. */
  pass(ms: number): void
}

export function manual(): Manual {
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock, false)
  const context = { ...makeContext(clock), wheel }
  return {
    clock,
    context,
    pass(ms) {
      clock.advance(ms)
      wheel.advance()
      context.sweeper.run()
    },
  }
}

export function options(
  { context }: Manual,
  port: number,
  more: Partial<ChannelOptions> = {},
): ChannelOptions {
  const counters = new UpstreamCounters()
  return {
    endpoint: { host: '127.0.0.1', port },
    source: null,
    expire: 10_000,
    maxIdle: 0,
    readTimeout: 2000,
    maxAge: 0,
    secure: null,
    context,
    counters,
    name: '127.0.0.1:53',
    ...more,
  }
}

/** What became of the exchanges, in order. */
export class Log implements ExchangeHost, ExchangeOwner {
  readonly got: string[] = []
  readonly lostWith: (readonly [Result, string | null])[] = []

  received(x: Exchange): void {
    this.got.push(nameOf(x))
  }

  lost(_x: Exchange, result: Result, code: string | null): void {
    this.lostWith.push([result, code])
  }

  replied(x: Exchange): boolean {
    this.got.push(nameOf(x))
    return true
  }

  truncated(): void {}
  delayed(): void {}
  expired(): void {}
  beaten(): void {}
  cancelled(): void {}

  failed(x: Exchange): void {
    this.lostWith.push([x.result, x.code])
  }
}

/** Gives what is asked over `channel` to `host`, as `Upstream` does. */
function hosted<C extends Channel>(host: ExchangeHost, channel: C): C {
  const ask = channel.ask.bind(channel)
  channel.ask = (x) => {
    x.host = host
    ask(x)
  }
  return channel
}

export function tcpPool(host: ExchangeHost, o: ChannelOptions): TcpPool {
  return hosted(host, new TcpPool(o))
}

export function udpPool(host: ExchangeHost, o: ChannelOptions): UdpPool {
  return hosted(host, new UdpPool(o))
}

const nobody = new Log()

/** An exchange ready to be asked. */
export function exchange(name: string, owner: ExchangeOwner = nobody): Exchange {
  const x = new Exchange(owner)
  x.query = message({ name, flags: 0x0100 })
  x.question = questionOf(x.query)
  x.flags = 0x0100
  x.state = ExchangeState.Asked
  return x
}

/** First label of what an exchange asks for. */
function nameOf({ query }: Exchange): string {
  return query.toString('latin1', 13, 13 + query[12]!)
}
