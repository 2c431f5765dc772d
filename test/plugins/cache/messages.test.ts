import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Ede, Type } from '../../../src/wire/codes.ts'
import { a, cname, opt, option, recordsOf, soa, type TestMessage } from '../../wire/message.ts'
import { Bench, type Reply } from './harness.ts'

const name = 'www.example.com'

function error(code: number, text = ''): Buffer {
  return option(15, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(text)]))
}

/** The options of the reply's OPT record. */
function optionsOf(reply: Reply): Buffer {
  const { optionsAt, optionsEnd } = recordsOf(reply.wire)
  return reply.wire.subarray(optionsAt, optionsEnd)
}

describe('extended errors of the upstream', () => {
  const both = Buffer.concat([error(Ede.DnssecBogus, 'signature expired'), error(Ede.Filtered)])
  const told = { additional: [opt({ options: both })] }

  for (const [what, m] of Object.entries({
    'an answer': { answer: [a(name, 60)], ...told },
    'a denial': { flags: 0x8183, authority: [soa('example.com', 60, 60)], ...told },
    SERVFAIL: { flags: 0x8182, ...told },
  } satisfies Readonly<Record<string, TestMessage>>)) {
    test(`reach clients with ${what}, on the miss, beside it, and on hits`, () => {
      const b = new Bench('cache')
      for (let i = 0; i < 3; i++) assert.equal(b.ask(name, { edns: true }), null)
      b.upstream.answer({ name, ...m })
      assert.equal(b.upstream.asked.length, 0)
      assert.equal(b.client.replies.length, 3)
      for (const reply of b.client.replies) assert.deepEqual(optionsOf(reply), both)
      for (let i = 0; i < 2; i++) assert.deepEqual(optionsOf(b.ask(name, { edns: true })!), both)
      assert.equal(recordsOf(b.ask(name)!.wire).optAt, -1)
    })
  }

  test('stay with an answer that has become stale, beside our own', () => {
    const b = new Bench('cache {\nserve_stale\n}')
    b.fill(name, { answer: [a(name, 5)], ...told })
    b.clock.advance(6_000)
    b.ask(name, { edns: true })
    b.upstream.fail()
    assert.deepEqual(optionsOf(b.last), Buffer.concat([both, error(Ede.StaleAnswer)]))
  })

  test('are forgotten with the answer', () => {
    const b = new Bench('cache {\nserve_stale 0\n}')
    b.fill(name, { answer: [a(name, 5)], ...told })
    b.clock.advance(5_000)
    b.fill(name, { answer: [a(name, 5)] })
    assert.equal(optionsOf(b.ask(name, { edns: true })!).length, 0)
    const before = b.budget.used
    b.clock.advance(5_000)
    b.fill(name, { answer: [a(name, 5)], ...told })
    assert.ok(b.budget.used > before, 'and count as bytes')
  })

  test('never cost a record', () => {
    const b = new Bench('cache')
    const answer = Array.from({ length: 60 }, () => a(name, 60))
    const long = { additional: [opt({ options: error(Ede.DnssecBogus, 'x'.repeat(400)) })] }
    b.ask(name, { edns: true })
    b.upstream.answer({ name, answer: answer.slice(0, 36), ...long })
    for (const reply of [b.last, b.ask(name, { edns: true })!]) {
      assert.equal(reply.records.answerCount, 36)
      assert.deepEqual(optionsOf(reply), error(Ede.DnssecBogus))
    }
  })
})

describe('TTLs of replies that are not stored', () => {
  const bounds = 'cache {\nsuccess 9984 30\ndenial 9984 5\n}'

  for (const [what, m, ttls] of [
    ['a CNAME without its target', { answer: [cname(name, 'x.test', 300)] }, [30]],
    ['a truncated answer', { flags: 0x8380, answer: [a(name, 300)] }, [30]],
    ['an answer of TTL 0', { answer: [a(name, 0), a(name, 300)] }, [0, 30]],
    ['a TTL with its top bit set', { answer: [a(name, 0x80000001), a(name, 7)] }, [0, 7]],
    ['the longest TTL there is', { answer: [a(name, 0xffffffff)] }, [0]],
    ['REFUSED with records', { flags: 0x8185, authority: [soa('example.com', 300, 9)] }, [5]],
    ['NXDOMAIN without SOA', { flags: 0x8183, additional: [a('x.test', 300)] }, [5]],
  ] as const) {
    test(`${what}: as \`cache\` says`, () => {
      const b = new Bench(bounds)
      for (let i = 0; i < 2; i++) assert.deepEqual(b.fill(name, m).ttls, ttls)
    })
  }

  test('MINTTL holds as well', () => {
    const b = new Bench('cache {\nsuccess 9984 30 10\n}')
    assert.deepEqual(b.fill(name, { answer: [cname(name, 'x.test', 2)] }).ttls, [10])
  })
})

describe('CNAMEs that contradict one another are not stored', () => {
  const two = [cname(name, 'one.test', 300), cname(name, 'two.test', 300)]
  for (const [what, answer] of Object.entries({
    'two at one name': [...two, a('one.test', 300)],
    'the same in the other order': [...two.toReversed(), a('one.test', 300)],
    'a loop that ends in an address': [
      cname(name, 'x.test', 300),
      cname('x.test', name, 300),
      a(name, 300),
    ],
  })) {
    test(what, () => {
      const b = new Bench('cache 3600')
      for (let i = 0; i < 2; i++) {
        assert.equal(b.fill(name, { answer }).records.answerCount, answer.length)
      }
      const soas = { authority: [soa('test', 300, 300)] }
      for (let i = 0; i < 2; i++) b.fill(name, { answer, ...soas })
    })
  }

  test('the same CNAME twice is no contradiction', () => {
    const b = new Bench('cache 3600')
    b.fill(name, { answer: [two[0]!, two[0]!, a('one.test', 300)] })
    assert.notEqual(b.ask(name), null)
    b.fill(name, { type: Type.CNAME, answer: [two[0]!] }, { type: Type.CNAME })
    assert.notEqual(b.ask(name, { type: Type.CNAME }), null)
  })
})
