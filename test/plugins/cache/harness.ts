import { ByteBudget } from '../../../src/lib/byte-budget.ts'
import { cache } from '../../../src/plugins/cache/index.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { type Observer, Protocol, Query, type ReplyTarget } from '../../../src/serve/query.ts'
import type { Server } from '../../../src/serve/server.ts'
import { Flag, Type } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { readTtl, type Records } from '../../../src/wire/records.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { testBlock, testServices } from '../../helpers/services.ts'
import { ScriptedUpstream, serverOf } from '../../serve/one-block.ts'
import { message, opt, questionOf, recordsOf, type TestMessage } from '../../wire/message.ts'

/** A reply as a client sees it. */
export interface Reply {
  readonly wire: Buffer
  readonly rcode: number
  readonly flags: number
  /** TTLs of all records but OPT, in order. */
  readonly ttls: readonly number[]
  readonly records: Records
  readonly ede: number
  /** Whom the query says that it asked. */
  readonly upstream: string
}

/** Collects replies in order. */
class Client implements ReplyTarget {
  readonly protocol: Protocol
  readonly maxSize: number = 65_535
  readonly localAddress: string = '127.0.0.1'
  readonly localPort: number = 53
  readonly replies: Reply[]
  readonly #buffer: Buffer = Buffer.alloc(65_535)

  constructor(protocol: Protocol, replies: Reply[]) {
    this.protocol = protocol
    this.replies = replies
  }

  reserve(): Buffer {
    return this.#buffer
  }

  send(q: Query, length: number): void {
    const wire = Buffer.from(q.out.subarray(0, length))
    const records = recordsOf(wire, questionOf(wire))
    const ttls = Array.from({ length: records.count }, (_, i) => i)
      .filter((i) => records.types[i] !== Type.OPT)
      .map((i) => readTtl(wire, records.ttlAt[i]!))
    const flags = readFlags(wire)
    const { ede } = records
    this.replies.push({ wire, rcode: flags & 15, flags, ttls, records, ede, upstream: q.upstream })
  }

  drop(): void {}

  remoteAddress(): string {
    return '127.0.0.1'
  }

  remotePort(): number {
    return 1
  }

  isIPv6(): boolean {
    return false
  }
}

export interface AskOptions {
  readonly type?: number
  readonly class?: number
  readonly flags?: number
  readonly edns?: boolean
  readonly dnssecOk?: boolean
  readonly overTcp?: boolean
  /** The part of the daemon whose question it is. */
  readonly asker?: Observer
}

/** A server block `. { cache … }` with a scripted upstream behind it. */
export class Bench {
  readonly clock: ManualClock
  readonly upstream: ScriptedUpstream = new ScriptedUpstream()
  readonly client: Client = new Client(Protocol.Udp, [])
  readonly #clientOverTcp = new Client(Protocol.Tcp, this.client.replies)
  readonly budget: ByteBudget
  readonly stage: Stage
  /** What stages threw. */
  readonly panics: unknown[] = []
  readonly #server: Server

  constructor(
    directive: string,
    zone = '.',
    parts: {
      readonly budget?: ByteBudget
      readonly clock?: ManualClock
      readonly observer?: Observer
      kept?: Map<string, unknown>
    } = {},
  ) {
    this.clock = parts.clock ?? new ManualClock()
    this.budget = parts.budget ?? new ByteBudget(64 << 20)
    const context = testBlock({
      zones: [zone],
      identity: directive,
      services: testServices({ clock: this.clock, memory: this.budget }, parts.kept),
    })
    this.stage = cache.setup(directivesOf('cache', directive), context)
    const stages = [
      { name: 'cache', stage: this.stage },
      { name: 'forward', stage: this.upstream.stage },
    ]
    this.#server = serverOf(stages, parts.observer ? [parts.observer] : [], (cause) =>
      this.panics.push(cause),
    )
  }

  /** Sends a query; its reply, if it came at once. */
  ask(name: string, o: AskOptions = {}): Reply | null {
    const before = this.client.replies.length
    const wire = message({
      name,
      flags: o.flags ?? Flag.RD,
      ...(o.type === undefined ? {} : { type: o.type }),
      ...(o.class === undefined ? {} : { class: o.class }),
      additional:
        o.edns === true || o.dnssecOk === true ? [opt({ dnssecOk: o.dnssecOk === true })] : [],
    })
    const q = new Query(o.overTcp === true ? this.#clientOverTcp : this.client)
    q.reset(wire, wire.length, this.clock.now)
    q.asker = o.asker ?? null
    this.#server.dispatch(q)
    return this.client.replies[before] ?? null
  }

  /** Asks and has the upstream answer: the reply to the client. */
  fill(name: string, m: TestMessage, o: AskOptions = {}): Reply {
    const at = this.ask(name, o)
    if (at !== null) throw new Error(`${name} was answered from the cache`)
    const q = this.upstream.asked.pop()!
    this.upstream.answerTo(q, { name, ...(o.type === undefined ? {} : { type: o.type }), ...m })
    return this.last
  }

  get last(): Reply {
    return this.client.replies.at(-1)!
  }
}
