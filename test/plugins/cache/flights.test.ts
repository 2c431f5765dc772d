import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Rcode, Type } from '../../../src/wire/codes.ts'
import { a } from '../../wire/message.ts'
import { Bench } from './harness.ts'

const name = '1.2.example.org'

test('the search for a loop by another server comes round: the second HINFO question goes on', () => {
  const b = new Bench('cache')
  const hinfo = { type: Type.HINFO }
  b.ask(name, hinfo)
  b.ask(name, hinfo)
  assert.equal(b.upstream.asked.length, 2)
  b.ask(name, hinfo)
  b.ask(name, hinfo)
  assert.equal(b.upstream.asked.length, 2, 'twice is enough for it, and all that a real loop gets')
  b.upstream.answer({ name, type: Type.HINFO })
  // The flight's own client and the two that waited for it.
  assert.equal(b.client.replies.length, 3)
  b.upstream.answer({ name, type: Type.HINFO })
  assert.equal(b.client.replies.length, 4)
  b.clock.advance(60_000)
  b.ask(name, hinfo)
  b.ask(name, hinfo)
  assert.equal(b.upstream.asked.length, 2, 'the next time as well')
})

test('other questions are merged from the second on', () => {
  const b = new Bench('cache')
  b.ask(name)
  b.ask(name)
  assert.equal(b.upstream.asked.length, 1)
})

describe('an upstream that takes no TCP', () => {
  const overTcp = true

  test('fails those who came over TCP, and nobody beside them', () => {
    const b = new Bench('cache')
    b.ask(name, { overTcp })
    b.ask(name)
    b.ask(name, { overTcp })
    assert.equal(b.upstream.asked.length, 2, 'one question over each')
    b.upstream.fail()
    assert.deepEqual(rcodes(b), [Rcode.ServFail, Rcode.ServFail])
    b.upstream.answer({ name, answer: [a(name)] })
    assert.deepEqual(rcodes(b).slice(2), [Rcode.NoError])
  })

  test('is asked by the next one over UDP, who gets neither the failure nor a stale answer', () => {
    const b = new Bench('cache')
    b.ask(name, { overTcp })
    b.upstream.fail()
    b.fill(name, { answer: [a(name, 5)] })
    b.clock.advance(6000)
    b.ask(name, { overTcp })
    b.upstream.fail()
    assert.deepEqual(b.last.ttls, [30], 'an expired answer over TCP')
    b.fill(name, { answer: [a(name, 5)] })
    assert.deepEqual(b.last.ttls, [5])
  })
})

function rcodes(b: Bench): readonly number[] {
  return b.client.replies.map(({ rcode }) => rcode)
}

test('a question of the daemon’s own passes by, uncounted, and its answer is not kept', () => {
  const b = new Bench('cache')
  const seen: string[] = []
  const asker = (): void => void seen.push('told')
  for (let i = 0; i < 2; i++) {
    b.ask(name, { type: Type.HINFO, asker })
    assert.equal(b.upstream.asked.length, 1)
    b.upstream.fail()
    assert.equal(b.last.rcode, Rcode.ServFail)
  }
  assert.deepEqual(seen, ['told', 'told'])
})
