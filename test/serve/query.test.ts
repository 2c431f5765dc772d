import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NO_EDE, Outcome, Query, SOCKADDR_SIZE } from '../../src/serve/query.ts'
import { Ede, Rcode } from '../../src/wire/codes.ts'
import { nameText } from '../../src/wire/question.ts'
import { message, opt } from '../wire/message.ts'
import { accepted, FakeTarget } from './fake-target.ts'

const wire = message({
  id: 0xbeef,
  flags: 0x0110,
  name: 'Www.example.com',
  type: 28,
  additional: [opt({ size: 4096, dnssecOk: true })],
})

describe('Query', () => {
  test('reset() forgets what became of the query before', () => {
    const target = new FakeTarget()
    const q = accepted(wire, target)
    q.fail(Rcode.ServFail, 'no healthy proxies', Ede.NoReachableAuthority)
    q.answeredBy = 'forward'
    q.finished = true
    q.memo = {}
    q.own = true
    q.reset(wire, 20, 77)
    const fresh = new Query(target)
    fresh.reset(wire, 20, 77)
    for (const key of [
      'outcome',
      'rcode',
      'ede',
      'error',
      'answeredBy',
      'finished',
      'own',
    ] as const) {
      assert.equal(q[key], fresh[key], key)
    }
    assert.deepEqual([q.records, q.memo, q.length, q.receivedAt], [null, null, 20, 77])
  })

  test('fail() records rcode, error and extended error', () => {
    const q = accepted(wire)
    q.fail(Rcode.ServFail, 'no healthy proxies', Ede.NoReachableAuthority)
    assert.deepEqual(
      [q.outcome, q.rcode, q.error, q.ede],
      [Outcome.Failure, 2, 'no healthy proxies', 22],
    )
    q.fail(Rcode.Refused)
    assert.deepEqual([q.outcome, q.rcode, q.error, q.ede], [Outcome.Failure, 5, null, NO_EDE])
  })

  test('reserve() opens the reply buffer of its target', () => {
    const q = accepted(wire)
    assert.equal(q.reserve(), q.out)
    assert.equal(q.out.length, 65_535)
  })
})

describe('Query.keep()', () => {
  test('outlives the packet with all that its reply depends on', () => {
    const packet = Buffer.from(wire)
    const q = accepted(packet)
    q.client = Buffer.alloc(SOCKADDR_SIZE, 7)
    q.server = { name: 'dns://:53', index: 3 }
    const kept = q.keep()
    packet.fill(0)
    q.client.fill(0)
    q.question.clear()
    q.edns.clear()
    q.reset(packet, 0, 5000)

    assert.notEqual(kept, q)
    assert.equal(nameText(kept.wire, kept.question), 'Www.example.com.')
    assert.deepEqual([kept.id, kept.flags, kept.receivedAt], [0xbeef, 0x0110, 1000])
    assert.deepEqual([kept.question.type, kept.length], [28, kept.question.end])
    assert.deepEqual([kept.edns.udpSize, kept.edns.dnssecOk], [4096, true])
    assert.deepEqual(kept.client, Buffer.alloc(SOCKADDR_SIZE, 7))
    assert.deepEqual([kept.target, kept.server.index], [q.target, 3])
    assert.deepEqual([kept.kept, kept.outcome], [true, Outcome.Pending])
    kept.release()
  })

  test('has room for the longest question', () => {
    const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}.`
    const kept = accepted(message({ flags: 0x0100, name })).keep()
    assert.equal(nameText(kept.wire, kept.question), name)
    assert.equal(kept.question.end, 12 + 255 + 4)
    kept.release()
  })

  test('of a copy is the copy itself; copy() is always another', () => {
    const kept = accepted(wire).keep()
    assert.equal(kept.keep(), kept)
    const copy = kept.copy()
    assert.notEqual(copy, kept)
    assert.notEqual(copy.wire, kept.wire)
    kept.release()
    copy.release()
  })
})

describe('Query.release()', () => {
  test('makes a copy available again, without anything of its last client', () => {
    const q = accepted(wire)
    const kept = q.keep()
    kept.reserve()
    kept.memo = {}
    kept.fail(Rcode.ServFail, 'gone')
    kept.release()
    assert.deepEqual([kept.out.length, kept.memo], [0, null])
    const next = accepted(message({ name: 'b' })).keep()
    assert.equal(next, kept)
    assert.deepEqual([next.outcome, next.error], [Outcome.Pending, null])
    next.release()
  })

  test("leaves a socket's own query alone", () => {
    const q = accepted(wire)
    q.reserve()
    q.release()
    assert.equal(q.out.length, 65_535)
    const kept = q.keep()
    assert.notEqual(kept, q)
    kept.release()
  })

  test('keeps no more than 1,024 copies', () => {
    const q = accepted(wire)
    const first = Array.from({ length: 1100 }, () => q.copy())
    for (const copy of first) copy.release()
    const pooled = new Set(first)
    const again = Array.from({ length: 1100 }, () => q.copy())
    assert.equal(again.filter((copy) => pooled.has(copy)).length, 1024)
    for (const copy of again) copy.release()
  })
})
