import assert from 'node:assert/strict'
import { loadbalance } from '../../../src/plugins/loadbalance/index.ts'
import type { Log } from '../../../src/lib/log.ts'
import { makeFinish, scanReply } from '../../../src/serve/finish.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { Outcome, Protocol } from '../../../src/serve/query.ts'
import { Type, typeName } from '../../../src/wire/codes.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { message, recordsOf, type TestMessage, type TestRecord } from '../../wire/message.ts'

export function stageOf(body: string, log: Log = nullLog): Stage {
  return loadbalance.setup(directivesOf('loadbalance', body), testBlock({ services: { log } }))
}

export function address(last: number, name = 'www.example.com', ttl = 60): TestRecord {
  return { name, type: Type.A, ttl, data: Buffer.from([192, 0, 2, last]) }
}

export function ipv6(last: number, name = 'www.example.com'): TestRecord {
  const data = Buffer.alloc(16, 0)
  data.set([0x20, 0x01, 0x0d, 0xb8])
  data[15] = last
  return { name, type: Type.AAAA, data }
}

export function mx(preference: number, host: string): TestRecord {
  const label = Buffer.from(host)
  const data = Buffer.concat([Buffer.from([0, preference, label.length]), label, Buffer.from([0])])
  return { name: 'www.example.com', type: Type.MX, data }
}

/** Each record of a reply: its type, its TTL and the last octet of its data. */
export function shown(reply: Buffer): string[] {
  const { count, types, ttlAt, ends } = recordsOf(reply)
  return Array.from(
    { length: count },
    (_, i) => `${typeName(types[i]!)} ${reply.readUInt32BE(ttlAt[i])} ${reply[ends[i]! - 1]}`,
  )
}

export function typesOf(reply: Buffer): string[] {
  return shown(reply).map((text) => text.split(' ')[0]!)
}

/** The last octets of the records' data. */
export function lasts(reply: Buffer): string {
  return shown(reply)
    .map((text) => text.split(' ')[2])
    .join('')
}

/** Owner and type of each record, and the server of MX. */
export function named(reply: Buffer): string[] {
  const { count, starts, types, ttlAt } = recordsOf(reply)
  return Array.from({ length: count }, (_, i) => {
    const owner = nameToText(reply, starts[i]!, reply.length)
    const server = types[i] === Type.MX ? nameToText(reply, ttlAt[i]! + 8, reply.length) : ''
    return `${owner} ${typeName(types[i]!)} ${server}`.trim()
  })
}

export interface Situation {
  /** Whether the records have been scanned before, as those of a miss are. */
  readonly scanned?: boolean
  /** What the stage below has written, where it is not the message. */
  readonly reply?: Buffer
}

/** What the client gets whose answer is `m`. */
export function pass(stage: Stage, m: TestMessage, { scanned, reply }: Situation = {}): Buffer {
  const { name = 'www.example.com', type = Type.A } = m
  const target = new FakeTarget(Protocol.Tcp)
  const q = accepted(message({ flags: 0x0100, name, type }), target)
  const answer = reply ?? message(m)
  answer.copy(q.reserve())
  q.outLength = answer.length
  q.outcome = Outcome.Message
  if (scanned === true) scanReply(q)
  stage.unwrap!(makeFinish([]))(q)
  return target.sent[0]!
}

/** How often each text came up. */
export function tally(times: number, once: () => string): Map<string, number> {
  const counted = new Map<string, number>()
  for (let i = 0; i < times; i++) {
    const text = once()
    counted.set(text, (counted.get(text) ?? 0) + 1)
  }
  return counted
}

/** The texts that came up at all. */
export function seen(times: number, once: () => string): string[] {
  return [...tally(times, once).keys()].toSorted()
}

/** Each of `orders` came up about as often: within six standard deviations. */
export function assertFair(counted: Map<string, number>, orders: number, times: number): void {
  assert.equal(counted.size, orders)
  const expected = times / orders
  for (const [order, count] of counted) {
    assert.ok(Math.abs(count - expected) < 6 * Math.sqrt(expected), `${order}: ${count}`)
  }
}
