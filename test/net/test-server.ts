import { composeChain } from '../../src/serve/chain.ts'
import { makeFinish } from '../../src/serve/finish.ts'
import type { Handler } from '../../src/serve/plugin.ts'
import { Outcome, type Query } from '../../src/serve/query.ts'
import { Server } from '../../src/serve/server.ts'
import { write16, write32 } from '../../src/wire/bytes.ts'
import { Section, writeCount, writeFlags } from '../../src/wire/header.ts'
import { questionOf } from '../wire/message.ts'

/** Octets of a record without its data: a pointer to the question's name, type, class, TTL, length. */
const RECORD = 12

export interface TestServer {
  readonly dispatch: (q: Query) => void
  /** Queries for `hold…` names, kept. */
  readonly held: Query[]
  /** Answers the kept queries, in the order given. */
  release(queries?: readonly Query[]): void
  /** Sees each query before the server does. */
  before: (q: Query) => void
}

/**
 * The real server with a plugin whose answers follow from the name: `size-1000.…` gets a message of
 * 1,000 octets, `hold….…` its answer at `release()`, `drop.…` none, `oversized.…` one that no
 * datagram can carry, any other name 200 octets.
 */
export function testServer(): TestServer {
  const held: Query[] = []
  const finish = makeFinish([])
  const wrap =
    (_next: Handler, done: Handler): Handler =>
    (q) => {
      const name = firstLabel(q)
      if (name.startsWith('hold')) held.push(q.copy())
      else if (name === 'oversized') q.target.send(q, fill(q, 65_520))
      else if (name === 'drop') {
        q.outcome = Outcome.Drop
        done(q)
      } else answer(q, Number(/^size-(\d+)$/.exec(name)?.[1] ?? 200), done)
    }
  const handler = composeChain([{ name: 'test', stage: { wrap } }], finish)
  const server = new Server({
    identity: { name: 'dns://test', index: 0 },
    zones: new Map([['.', { handler }]]),
    allClasses: true,
    rejected: () => {},
    panicked: (cause) => {
      throw cause
    },
  })
  const it: TestServer = {
    held,
    before: () => {},
    dispatch: (q) => {
      it.before(q)
      server.dispatch(q)
    },
    release: (queries = held.splice(0)) => {
      for (const q of queries) answer(q, 200, finish)
    },
  }
  return it
}

function answer(q: Query, size: number, done: Handler): void {
  q.outLength = fill(q, size)
  q.outcome = Outcome.Message
  done(q)
}

/** Builds a message of `size` octets, more for a long name: one record, filled so that each id has its own content. */
function fill(q: Query, wanted: number): number {
  const out = q.reserve()
  const { end } = q.question
  const size = Math.max(wanted, end + RECORD)
  writeFlags(out, 0x8000)
  writeCount(out, Section.Question, 1)
  writeCount(out, Section.Answer, 1)
  writeCount(out, Section.Authority, 0)
  writeCount(out, Section.Additional, 0)
  write16(out, end, 0xc00c)
  write16(out, end + 2, 65_280)
  write16(out, end + 4, 1)
  write32(out, end + 6, 60)
  write16(out, end + 10, size - end - RECORD)
  out.fill(q.id & 0xff, end + RECORD, size)
  q.outLength = size
  return size
}

/** Whether a reply carries, untouched, the record that `fill` made for this id. */
export function isIntact(reply: Buffer, id: number): boolean {
  const { end } = questionOf(reply)
  const data = end + RECORD
  const length = reply.readUInt16BE(end + 10)
  return (
    reply.readUInt16BE(0) === id &&
    reply.length >= data + length &&
    reply.subarray(data, data + length).every((octet) => octet === (id & 0xff))
  )
}

function firstLabel(q: Query): string {
  const length = q.wire[12] ?? 0
  return q.wire.toString('latin1', 13, 13 + length)
}
