import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeFinish } from '../../src/serve/finish.ts'
import type { Handler } from '../../src/serve/plugin.ts'
import { Outcome, Protocol, Query, type ReplyTarget } from '../../src/serve/query.ts'
import { Server } from '../../src/serve/server.ts'
import { Flag, Rcode } from '../../src/wire/codes.ts'
import { a, message, opt } from '../wire/message.ts'

const WARM_UP = 5_000
const QUERIES = 2_000
/** Rounds at most, until the optimising compiler has caught up with what it runs beside. */
const ROUNDS = 100
/** Octets per query, less than any object takes: a round's own measurement is spread over it. */
const LIMIT = 8

/** The least heap octets that one call of `serve` took, over several rounds of many calls. */
function octetsPerCall(serve: () => void): number {
  for (let i = 0; i < WARM_UP; i++) serve()
  let least = Infinity
  for (let round = 0; round < ROUNDS && least >= LIMIT; round++) {
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < QUERIES; i++) serve()
    const taken = process.memoryUsage().heapUsed - before
    // Less than nothing: a collection came between, and the round says nothing.
    if (taken >= 0) least = Math.min(least, taken / QUERIES)
  }
  return least
}

const buffer = Buffer.alloc(65_535)
const target: ReplyTarget = {
  protocol: Protocol.Udp,
  maxSize: 65_535,
  localAddress: '192.0.2.53',
  localPort: 53,
  reserve: () => buffer,
  send: () => {},
  drop: () => {},
  remoteAddress: () => '',
  remotePort: () => 0,
  isIPv6: () => false,
}

/** Serves the same query again and again, answered by `handler`. */
function serving(wire: Buffer, handler: Handler): () => void {
  const server = new Server({
    identity: { name: 'dns://:53', index: 0 },
    zones: new Map(['.', 'com.', 'cluster.local.'].map((zone) => [zone, { handler }])),
    allClasses: false,
    rejected: () => {},
    panicked: (cause) => assert.fail(String(cause)),
  })
  const q = new Query(target)
  return () => {
    q.reset(wire, wire.length, 1000)
    server.dispatch(q)
  }
}

const observed = { count: 0 }
const finish = makeFinish([() => observed.count++])

/** Answers as a cache does on a hit. */
function answeringWith(stored: Buffer): Handler {
  return (q) => {
    q.outLength = stored.copy(q.reserve())
    q.outcome = Outcome.Message
    finish(q)
  }
}

const additional = [opt({ size: 1232, dnssecOk: true })]
const query = message({ flags: Flag.RD, name: 'Www.Example.com', additional })
const many = Array.from({ length: 50 }, () => a('www.example.com'))

describe('serving a query allocates nothing', () => {
  const cases: readonly (readonly [string, Buffer, Handler])[] = [
    ['answered', query, answeringWith(message({ answer: [a('www.example.com')] }))],
    ['answered with truncation', query, answeringWith(message({ answer: many }))],
    [
      'failed',
      query,
      (q) => {
        q.fail(Rcode.ServFail, 'no healthy proxies', 22)
        finish(q)
      },
    ],
    [
      'kept, answered and released',
      query,
      (q) => {
        const kept = q.keep()
        kept.fail(Rcode.Refused)
        finish(kept)
      },
    ],
    ['refused', message({ flags: Flag.RD, class: 3 }), finish],
    ['broken', query.subarray(0, 30), finish],
  ]
  for (const [what, wire, handler] of cases) {
    test(`that is ${what}`, () => {
      const octets = octetsPerCall(serving(wire, handler))
      assert.ok(octets < LIMIT, `${octets} octets for each query`)
    })
  }

  test('and the smallest object would be noticed', () => {
    let last: object = {}
    const octets = octetsPerCall(
      serving(query, (q) => {
        last = { q }
        q.fail(Rcode.Refused)
        finish(q)
      }),
    )
    assert.ok(octets >= LIMIT, `${octets} octets`)
    assert.ok('q' in last)
  })
})
