import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'

import { keptQueries } from '../../../src/serve/kept-queries.ts'
import type { Query } from '../../../src/serve/query.ts'
import { Rcode } from '../../../src/wire/codes.ts'
import type { Records } from '../../../src/wire/records.ts'
import { a } from '../../wire/message.ts'
import { Bench } from './harness.ts'

const name = '1.2.example.org'
const defect = new Error('defect')

function crash(): never {
  throw defect
}

describe('a defect', () => {
  let b: Bench
  beforeEach(() => {
    b = new Bench('cache {\n serve_stale 1h verify 1ms\n}')
  })
  afterEach(() => {
    assert.deepEqual(b.panics, [defect])
    assert.equal(keptQueries.count, 0, 'every place is free again')
  })

  test('below the cache costs one client SERVFAIL', () => {
    b.upstream.instant = crash
    b.ask(name)
    assert.deepEqual(rcodes(b), [Rcode.ServFail])
    b.upstream.instant = null
    b.fill(name, { answer: [a(name)] })
    assert.deepEqual(rcodes(b), [Rcode.ServFail, Rcode.NoError])
  })

  test('below the cache costs a client SERVFAIL that an expired answer would have been for', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    b.fill(name, { answer: [a(name, 5)] })
    b.clock.advance(6000)
    b.upstream.instant = crash
    b.ask(name)
    assert.deepEqual(rcodes(b), [Rcode.NoError, Rcode.ServFail])
    t.mock.timers.tick(10)
    assert.equal(b.client.replies.length, 2, 'one answer')
  })

  test('below the cache, behind the answer, gives no place back twice', () => {
    b.upstream.instant = (q) => {
      b.upstream.answerTo(q, { name, answer: [a(name)] })
      crash()
    }
    b.ask(name)
    assert.equal(rcodes(b)[0], Rcode.NoError)
  })

  test('in a second try for those who came late costs all of them SERVFAIL', () => {
    b.ask(name)
    b.clock.advance(2000)
    b.ask(name)
    b.ask(name)
    b.upstream.instant = crash
    b.upstream.fail()
    assert.deepEqual(rcodes(b), [Rcode.ServFail, Rcode.ServFail, Rcode.ServFail])
  })

  test('in what becomes of an answer costs those who wait for it SERVFAIL', () => {
    b.ask(name)
    b.ask(name)
    b.ask(name)
    const records = {
      get hasRrsig() {
        return crash()
      },
    }
    b.upstream.asked[0]!.records = records as unknown as Records
    b.upstream.answer({ name, answer: [a(name)] })
    assert.deepEqual(rcodes(b), [Rcode.ServFail, Rcode.ServFail, Rcode.ServFail])
  })
})

test('an observer that throws at one client keeps the answer from nobody', () => {
  let seen = 0
  const b = new Bench('cache', '.', {
    observer: (_q: Query): void => {
      if (++seen === 2) throw defect
    },
  })
  for (let i = 0; i < 4; i++) b.ask(name)
  b.upstream.answer({ name, answer: [a(name)] })
  assert.deepEqual(rcodes(b), Array(4).fill(Rcode.NoError))
  assert.equal(b.panics.length, 1)
})

function rcodes({ client }: Bench): readonly number[] {
  return client.replies.map(({ rcode }) => rcode)
}
