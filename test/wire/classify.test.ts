import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Type } from '../../src/wire/codes.ts'
import {
  answersQuestion,
  classify,
  contradictsItself,
  ResponseKind,
} from '../../src/wire/classify.ts'
import { Records, scanRecords } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import {
  a,
  cname,
  message,
  ns,
  opt,
  questionOf,
  recordsOf,
  rrsig,
  soa,
  type TestMessage,
} from './message.ts'

const NOW = 1_800_000_000

function kindOf(m: TestMessage, now = NOW): ResponseKind {
  const b = message(m)
  const question = questionOf(b)
  return classify(b, question, recordsOf(b, question), now)
}

describe('classify()', () => {
  const name = 'www.example.com'
  const cases: readonly [string, TestMessage, ResponseKind][] = [
    ['an answer', { answer: [a(name)] }, ResponseKind.NoError],
    [
      'an answer with SOA',
      { answer: [a(name)], authority: [soa('a', 1, 1)] },
      ResponseKind.NoError,
    ],
    ['NOERROR with SOA', { authority: [soa('a', 1, 1)] }, ResponseKind.NoData],
    ['NOERROR with SOA and NS', { authority: [ns('a', 'b'), soa('a', 1, 1)] }, ResponseKind.NoData],
    ['NXDOMAIN with SOA', { flags: 0x8183, authority: [soa('a', 1, 1)] }, ResponseKind.NameError],
    ['NXDOMAIN without SOA', { flags: 0x8183 }, ResponseKind.NameError],
    [
      'NXDOMAIN behind aliases',
      {
        flags: 0x8183,
        answer: [cname(name, 'x.example.com'), rrsig(name, 0, 1), cname('x.example.com', 'y.org')],
        authority: [soa('org', 1, 1)],
      },
      ResponseKind.NameError,
    ],
    ['NXDOMAIN with data', { flags: 0x8183, answer: [a(name)] }, ResponseKind.OtherError],
    [
      'NXDOMAIN with an alias and its data',
      { flags: 0x8183, answer: [cname(name, 'x.example.com'), a('x.example.com')] },
      ResponseKind.OtherError,
    ],
    ['NOERROR with NS', { authority: [ns('a', 'b')] }, ResponseKind.Delegation],
    ['NOERROR with nothing', {}, ResponseKind.NoError],
    ['SERVFAIL', { flags: 0x8182 }, ResponseKind.ServerError],
    ['NOTIMP', { flags: 0x8184 }, ResponseKind.ServerError],
    ['REFUSED', { flags: 0x8185 }, ResponseKind.OtherError],
    ['FORMERR', { flags: 0x8181 }, ResponseKind.OtherError],
    ['BADVERS', { additional: [opt({ extendedRcode: 1 })] }, ResponseKind.OtherError],
    ['an UPDATE', { flags: 0x8180 | (5 << 11), answer: [a(name)] }, ResponseKind.Update],
    ['a NOTIFY', { flags: 0x8180 | (4 << 11) }, ResponseKind.Meta],
    ['AXFR', { type: Type.AXFR, answer: [soa(name, 1, 1)] }, ResponseKind.Meta],
    ['IXFR', { type: Type.IXFR, answer: [soa(name, 1, 1)] }, ResponseKind.Meta],
  ]
  for (const [what, m, kind] of cases) {
    test(`knows ${what}`, () => assert.equal(kindOf(m), kind))
  }

  const signed = (inception: number, expiration: number, dnssecOk: boolean): TestMessage => ({
    answer: [a(name), rrsig(name, inception, expiration)],
    additional: [opt({ dnssecOk })],
  })

  test('refuses signatures outside their period where the response has DO', () => {
    assert.equal(kindOf(signed(NOW - 10, NOW + 10, true)), ResponseKind.NoError)
    assert.equal(kindOf(signed(NOW - 10, NOW, true)), ResponseKind.NoError)
    assert.equal(kindOf(signed(NOW - 10, NOW - 1, true)), ResponseKind.OtherError)
    assert.equal(kindOf(signed(NOW + 1, NOW + 10, true)), ResponseKind.OtherError)
    assert.equal(kindOf(signed(NOW - 10, NOW - 1, false)), ResponseKind.NoError)
  })

  test('compares signature times as serial numbers, across their wrap in 2106', () => {
    const wrapped = 2 ** 32
    const m = signed(wrapped - 10, 10, true)
    assert.equal(kindOf(m, wrapped - 5), ResponseKind.NoError)
    assert.equal(kindOf(m, wrapped + 5), ResponseKind.NoError)
    assert.equal(kindOf(m, wrapped + 11), ResponseKind.OtherError)
  })
})

describe('answersQuestion()', () => {
  function answers(m: TestMessage): boolean {
    const b = message({ name: 'a', ...m })
    const question = questionOf(b)
    return answersQuestion(b, question, recordsOf(b, question))
  }

  test('is true for a direct answer in any letter case', () => {
    assert.ok(answers({ answer: [a('A')] }))
  })

  test('is false without answers and for answers to another name or type', () => {
    assert.ok(!answers({}))
    assert.ok(!answers({ authority: [a('a')] }))
    assert.ok(!answers({ answer: [a('b')] }))
    assert.ok(!answers({ type: Type.AAAA, answer: [a('a')] }))
  })

  test('follows a CNAME chain in any order', () => {
    const chain = [cname('a', 'b'), cname('b', 'c'), cname('c', 'd'), a('d')]
    assert.ok(answers({ answer: chain }))
    assert.ok(answers({ answer: chain.toReversed() }))
  })

  test('is false for a chain that stops short or runs in a circle', () => {
    assert.ok(!answers({ answer: [cname('a', 'b'), cname('b', 'c'), a('a.c')] }))
    assert.ok(!answers({ answer: [cname('a', 'b'), cname('b', 'a')] }))
    assert.ok(!answers({ answer: [cname('a', 'a')] }))
  })

  test('takes the CNAME itself as the answer where CNAME or ANY was asked for', () => {
    assert.ok(answers({ type: Type.CNAME, answer: [cname('a', 'b')] }))
    assert.ok(answers({ type: Type.ANY, answer: [cname('a', 'b')] }))
    assert.ok(!answers({ type: Type.ANY }))
  })

  test('gives up on a chain of more than 63 names', () => {
    const hops = Array.from({ length: 64 }, (_, i) => cname(i === 0 ? 'a' : `n${i}`, `n${i + 1}`))
    for (const [length, expected] of [
      [63, true],
      [64, false],
    ] as const) {
      const chain = hops.slice(0, length)
      assert.equal(answers({ answer: [a(`n${length}`), ...chain.toReversed()] }), expected)
      assert.equal(answers({ answer: [...chain, a(`n${length}`)] }), expected)
    }
  })

  test('takes only records of the class asked for, at the name asked for', () => {
    const chaos = { ...a('a'), class: 3 }
    assert.ok(!answers({ answer: [chaos] }))
    assert.ok(answers({ answer: [chaos], class: 255 }))
    assert.ok(!answers({ type: Type.ANY, answer: [a('b')] }))
    assert.ok(!answers({ type: Type.CNAME, answer: [cname('b', 'c')] }))
  })

  test('is false where CNAMEs contradict one another, and contradictsItself() says so', () => {
    const contradicts = (m: TestMessage): boolean => {
      const b = message({ name: 'a', ...m })
      const question = questionOf(b)
      return contradictsItself(b, question, recordsOf(b, question))
    }
    const two = [cname('a', 'b'), cname('a', 'c')]
    const wrong: readonly TestMessage[] = [
      { answer: [...two, a('b')] },
      { answer: [...two.toReversed(), a('b')] },
      { answer: [...two, a('c')] },
      { answer: [a('b'), cname('z', 'y'), ...two] },
      { answer: [cname('a', 'x'), cname('X', 'b'), cname('x', 'c'), a('b')] },
      { answer: [cname('a', 'b'), cname('b', 'a'), a('a')] },
      { answer: [cname('a', 'b'), cname('b', 'a'), a('b')] },
      { answer: [cname('a', 'A'), a('a')] },
      { type: Type.CNAME, answer: two },
    ]
    for (const m of wrong) assert.ok(!answers(m) && contradicts(m), JSON.stringify(m.answer))
    const right: readonly TestMessage[] = [
      { answer: [cname('a', 'b'), cname('A', 'B'), a('b')] },
      { answer: [cname('a', 'b'), a('b'), cname('y', 'z'), cname('y', 'x')] },
      { type: Type.CNAME, answer: [cname('a', 'b')] },
      { type: Type.ANY, answer: two },
    ]
    for (const m of right) assert.ok(answers(m) && !contradicts(m), JSON.stringify(m.answer))
    assert.ok(!contradicts({ answer: [cname('a', 'b')] }), 'short of its end, but no contradiction')
  })

  test('survives any message that scanRecords() lets pass', () => {
    const sound = message({ name: 'a', answer: [cname('a', 'b'), cname('b', 'c'), a('c')] })
    const records = new Records()
    const change = fc.tuple(fc.integer({ min: 12, max: sound.length - 1 }), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), fc.nat(), (changes, now) => {
        const b = Buffer.from(sound)
        for (const [at, octet] of changes) b[at] = octet
        const question = questionOf(b)
        if (scanRecords(b, b.length, question, records) !== WireStatus.Ok) return
        assert.equal(typeof answersQuestion(b, question, records), 'boolean')
        assert.ok(classify(b, question, records, now) <= ResponseKind.OtherError)
      }),
      { numRuns: 1000 },
    )
  })
})
