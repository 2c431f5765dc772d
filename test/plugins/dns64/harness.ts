import { setImmediate as turn } from 'node:timers/promises'
import { acl } from '../../../src/plugins/acl/index.ts'
import { cache } from '../../../src/plugins/cache/index.ts'
import { dns64 } from '../../../src/plugins/dns64/index.ts'
import type { Plugin } from '../../../src/serve/plugin.ts'
import { Protocol, Query } from '../../../src/serve/query.ts'
import type { Server } from '../../../src/serve/server.ts'
import { Flag, rcodeName, Type, typeName } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { nameText } from '../../../src/wire/question.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { testBlock, testServices } from '../../helpers/services.ts'
import { FakeTarget } from '../../serve/fake-target.ts'
import { ScriptedUpstream, serverOf } from '../../serve/one-block.ts'
import { message, opt, recordsOf, type TestMessage, type TestRecord } from '../../wire/message.ts'

const below: readonly Plugin[] = [acl, cache]

export function address(last: number, ttl = 60, name = 'www.example.com'): TestRecord {
  return { name, type: Type.A, ttl, data: Buffer.from([192, 0, 2, last]) }
}

export function ipv6(last: number, ttl = 60, name = 'www.example.com'): TestRecord {
  const data = Buffer.alloc(16)
  data.write('20010db8', 'hex')
  data[15] = last
  return { name, type: Type.AAAA, ttl, data }
}

class Client extends FakeTarget {
  readonly #ipv6: boolean

  constructor(protocol: Protocol, isIPv6: boolean) {
    super(protocol)
    this.#ipv6 = isIPv6
  }

  override isIPv6(): boolean {
    return this.#ipv6
  }
}

export interface Asking {
  readonly name?: string
  readonly type?: number
  readonly class?: number
  readonly flags?: number
  readonly ipv4?: true
  readonly edns?: true
  readonly protocol?: Protocol
}

/** A server block with `dns64`, then perhaps `acl` and `cache`, and a scripted upstream. */
export class Bench {
  readonly clock: ManualClock = new ManualClock()
  readonly upstream: ScriptedUpstream = new ScriptedUpstream()
  readonly seen: Query[] = []
  readonly panics: unknown[] = []
  readonly #server: Server

  constructor(line = 'dns64', ...others: readonly string[]) {
    const block = testBlock({ services: testServices({ clock: this.clock }) })
    const stages = [
      { name: 'dns64', stage: dns64.setup(directivesOf('dns64', line), block) },
      ...below.flatMap((plugin) =>
        others
          .filter((text) => text.startsWith(plugin.name))
          .map((text) => ({
            name: plugin.name,
            stage: plugin.setup(directivesOf(plugin.name, text), block),
          })),
      ),
      { name: 'forward', stage: this.upstream.stage },
    ]
    this.#server = serverOf(stages, [(q) => this.seen.push(q)], (cause) => this.panics.push(cause))
  }

  /** Sends a query; replies come to the target returned. */
  ask(o: Asking = {}): FakeTarget {
    const { edns, ipv4, protocol = Protocol.Tcp, ...question } = o
    const target = new Client(protocol, ipv4 !== true)
    const additional = edns === true ? [opt({ dnssecOk: true })] : []
    const wire = message({ flags: Flag.RD, type: Type.AAAA, ...question, additional })
    const q = new Query(target)
    q.reset(wire, wire.length, this.clock.now)
    q.client = Buffer.alloc(28, ipv4 === true ? 2 : 10)
    this.#server.dispatch(q)
    return target
  }

  /** What the upstream is asked, oldest first. */
  get asked(): string[] {
    return this.upstream.asked.map(
      ({ question, wire }) => `${nameText(wire, question)} ${typeName(question.type)}`,
    )
  }

  /** Answers the oldest question, and waits until nothing else happens. */
  async answer(m: TestMessage): Promise<void> {
    this.upstream.answer({ type: this.upstream.asked[0]!.question.type, ...m })
    await turn()
  }

  async fail(rcode?: number): Promise<void> {
    this.upstream.fail(rcode)
    await turn()
  }

  /** What the client of a question gets whose answers for AAAA and for A are these. */
  async outcome(asking: Asking, aaaa: TestMessage, ipv4: TestMessage): Promise<string[]> {
    const client = this.ask(asking)
    await this.answer(aaaa)
    await this.answer(ipv4)
    return shown(client)
  }
}

/** The only reply: rcode and flags, then a line for each record but OPT. */
export function shown({ sent }: FakeTarget): string[] {
  if (sent.length !== 1) return [`${sent.length} replies`]
  const wire = sent[0]!
  const flags = readFlags(wire)
  const names = (['AA', 'TC', 'RD', 'RA', 'AD', 'CD'] as const).filter((f) => flags & Flag[f])
  const records = recordsOf(wire)
  const lines = [[rcodeName(flags & 15), ...names].join(' ')]
  for (let i = 0; i < records.count; i++) {
    const type = records.types[i]!
    if (type === Type.OPT) continue
    const owner = nameToText(wire, records.starts[i]!, wire.length)!
    const at = records.ttlAt[i]!
    const data = wire.subarray(at + 6, records.ends[i])
    lines.push(
      `${owner} ${wire.readUInt32BE(at)} ${typeName(type)} ${dataText(type, data, wire, at)}`,
    )
  }
  return lines
}

function dataText(type: number, data: Buffer, wire: Buffer, at: number): string {
  if (type === Type.A) return data.join('.')
  if (type === Type.AAAA) {
    const groups = data.toString('hex').match(/.{4}/g)!.join(':')
    return new URL(`http://[${groups}]`).hostname.slice(1, -1)
  }
  if (type === Type.CNAME || type === Type.SOA) return nameToText(wire, at + 6, wire.length)!
  return `(${data.length})`
}
