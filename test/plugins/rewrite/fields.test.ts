import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { keptQueries } from '../../../src/serve/kept-queries.ts'
import { Outcome } from '../../../src/serve/query.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { nameText } from '../../../src/wire/question.ts'
import { a, cname, message, ns, soa } from '../../wire/message.ts'
import { Bench, reply } from './harness.ts'

describe('type and class', () => {
  test('are asked as another, and answered as they were asked', () => {
    const b = new Bench('rewrite type ANY HINFO\nrewrite class CH IN')
    const any = b.ask('a.test', { type: Type.ANY })
    const chaos = b.ask('a.test', { class: 3 })
    b.ask('a.test')
    assert.deepEqual(b.asked, ['a.test. IN HINFO', 'a.test. IN A', 'a.test. IN A'])
    const data = Buffer.from('\x01a\x01b')
    b.upstream.answer({
      name: 'a.test',
      type: Type.HINFO,
      answer: [{ name: 'a.test', type: Type.HINFO, data }],
    })
    assert.deepEqual(reply(any), ['NOERROR', 'a.test. IN ANY', 'a.test. 60 HINFO 1.97.1.98'])
    b.upstream.answer({ name: 'a.test', answer: [a('a.test')] })
    assert.deepEqual(reply(chaos), ['NOERROR', 'a.test. CH A', 'a.test. 60 A 192.0.2.1'])
  })
})

describe('ttl', () => {
  const rows: readonly (readonly [rule: string, ttls: readonly number[]])[] = [
    ['ttl a.test 15', [15, 15, 15]],
    ['ttl exact a.test 30-300', [30, 100, 300]],
    ['ttl prefix a -30', [5, 30, 30]],
    ['ttl suffix .test 50-', [50, 100, 3000]],
    ['ttl substring a.te 15', [5, 100, 3000]],
    ['ttl substring a.test 15', [15, 15, 15]],
    ['ttl regex (.*)\\.test 0', [0, 0, 0]],
    ['ttl b.test 15', [5, 100, 3000]],
    ['ttl a.test 4294967295', [0x7fffffff, 0x7fffffff, 0x7fffffff]],
  ]
  for (const [rule, ttls] of rows) {
    test(`${rule}: ${ttls.join(', ')}, misses and hits`, () => {
      const b = new Bench(`rewrite ${rule}`, 'cache 3600 {\nkeepttl\n}')
      const miss = b.ask('a.test')
      b.upstream.answer({
        name: 'a.test',
        answer: [cname('a.test', 'b.test', 5), a('b.test', 100)],
        authority: [{ ...ns('test', 'ns.test'), ttl: 3000 }],
      })
      const shownTtls = (lines: string[]): number[] =>
        lines.slice(2).map((line) => Number(line.split(' ')[1]))
      assert.deepEqual(shownTtls(reply(miss)!), ttls)
      // Stored is what the upstream said.
      const hit = shownTtls(reply(b.ask('a.test'))!)
      assert.deepEqual(hit, ttls)
    })
  }

  test('goes with a name that has been rewritten, which it is matched with', () => {
    const b = new Bench('rewrite continue name a.test b.test\nrewrite ttl exact b.test 7')
    const client = b.ask('a.test')
    b.upstream.answer({ name: 'b.test', answer: [a('b.test', 60)] })
    assert.equal(reply(client)![2], 'a.test. 7 A 192.0.2.1')
  })
})

describe('rcode', () => {
  test('of messages and of failures becomes another', () => {
    const b = new Bench('rewrite rcode regex (.*)\\.test SERVFAIL NOERROR\nrewrite rcode x.org 3 5')
    const failed = b.ask('a.test')
    b.upstream.fail(Rcode.ServFail)
    assert.deepEqual(reply(failed), ['NOERROR', 'a.test. IN A'])
    const refused = b.ask('a.test')
    b.upstream.fail(Rcode.Refused)
    assert.equal(reply(refused)![0], 'REFUSED')
    const denied = b.ask('x.org')
    b.upstream.answer({ name: 'x.org', flags: 0x8183, authority: [soa('org', 60, 60)] })
    assert.deepEqual(reply(denied), ['REFUSED', 'x.org. IN A', 'org. 60 SOA .'])
    const fine = b.ask('x.org')
    b.upstream.answer({ name: 'x.org', answer: [a('x.org')] })
    assert.equal(reply(fine)![0], 'NOERROR')
  })

  test('above 15 needs EDNS, without which it is SERVFAIL', () => {
    const b = new Bench('rewrite rcode a.test NXDOMAIN BADCOOKIE')
    for (const edns of [true, false]) {
      const client = b.ask('a.test', { edns })
      b.upstream.answer({ name: 'a.test', flags: 0x8183 })
      const wire = client.sent[0]!
      assert.equal(wire[3]! & 15, edns ? 23 & 15 : Rcode.ServFail)
      if (edns) assert.equal(wire.at(-6), 1, 'the upper bits')
    }
  })
})

describe('cname', () => {
  const LINE = 'rewrite cname regex (.*)\\.cdn\\.example\\.net\\. {1}.other.example.'
  const answer = [
    cname('app.test', 'app.example', 200),
    cname('app.example', 'app.test.cdn.example.net', 200),
    a('app.test.cdn.example.net', 300),
  ]
  const result = [
    'NOERROR',
    'app.test. IN A',
    'app.test. 200 CNAME app.example.',
    'app.example. 200 CNAME app.test.other.example.',
    'app.test.other.example. 100 A 192.0.2.1',
  ]

  test('asks for the new target, and puts what it leads to in place of the rest: misses and hits', async () => {
    const b = new Bench(LINE, 'cache 3600')
    const client = b.ask('app.test')
    b.upstream.answer({ name: 'app.test', answer, additional: [a('far.test')] })
    await setImmediate()
    assert.equal(client.sent.length, 0)
    assert.deepEqual(b.asked, ['app.test.other.example. IN A'])
    const name = 'app.test.other.example'
    b.upstream.answer({ name, answer: [a(name, 100)] })
    assert.deepEqual(reply(client), result)
    assert.equal(client.sent[0]!.readUInt16BE(2) & Flag.TC, 0)
    assert.deepEqual(reply(b.ask('app.test')), result)
    assert.deepEqual(b.asked, [])
  })

  test('has the rcode of what the new target leads to', async () => {
    const b = new Bench(LINE)
    const name = 'app.test.other.example'
    const denied = b.ask('app.test')
    b.upstream.answer({ name: 'app.test', answer })
    await setImmediate()
    b.upstream.answer({ name, flags: 0x8183, authority: [soa('example', 60, 60)] })
    assert.deepEqual(reply(denied), ['NXDOMAIN', ...result.slice(1, 4), 'example. 60 SOA .'])
    const found = b.ask('app.test')
    b.upstream.answer({ name: 'app.test', flags: 0x8183, answer: answer.slice(0, 2) })
    await setImmediate()
    b.upstream.answer({ name, answer: [a(name, 100)] })
    assert.deepEqual(reply(found), result)
    const failed = b.ask('app.test', { edns: true })
    b.upstream.answer({ name: 'app.test', answer })
    await setImmediate()
    b.upstream.fail(Rcode.ServFail)
    assert.deepEqual(reply(failed), ['SERVFAIL', 'app.test. IN A'])
  })

  test('goes with names that are rewritten and TTLs', async () => {
    const b = new Bench(
      `rewrite continue name x.test app.test\nrewrite continue ttl app.test 9\n${LINE}`,
    )
    const client = b.ask('x.test')
    b.upstream.answer({ name: 'app.test', answer })
    await setImmediate()
    const name = 'app.test.other.example'
    b.upstream.answer({ name, answer: [a(name, 100)] })
    assert.deepEqual(reply(client), [
      'NOERROR',
      'x.test. IN A',
      'x.test. 9 CNAME app.example.',
      'app.example. 9 CNAME app.test.other.example.',
      'app.test.other.example. 100 A 192.0.2.1',
    ])
  })

  test('compares as its kind says, an exact one with its final dot', async () => {
    const rows = [
      ['cname old.test new.test', true],
      ['cname exact old.test. new.test.', true],
      ['cname prefix old new', true],
      ['cname suffix old.test. new.test.', true],
      ['cname suffix old.test new.test', false],
      ['cname substring old new', true],
      ['cname regex ^OLD(.*) new{1}', true],
      ['cname other.test new.test', false],
      // What the rule makes of it is no name.
      [`cname prefix old ${'x'.repeat(64)}`, false],
    ] as const
    for (const [rule, leads] of rows) {
      const b = new Bench(`rewrite ${rule}`)
      const client = b.ask('a.test')
      b.upstream.answer({ name: 'a.test', answer: [cname('a.test', 'OLD.test'), a('OLD.test')] })
      await setImmediate()
      assert.deepEqual(b.asked, leads ? ['new.test. IN A'] : [], rule)
      assert.equal(client.sent.length, leads ? 0 : 1, rule)
    }
  })

  test('that leads to itself ends with SERVFAIL', async () => {
    const b = new Bench('rewrite cname a.test a.test')
    let asked = 0
    b.upstream.instant = (q) => {
      asked++
      const name = nameText(q.wire, q.question)
      b.upstream.deliver(q.keep(), message({ name, answer: [cname(name, 'a.test')] }))
    }
    const client = b.ask('q.test')
    await setImmediate()
    assert.deepEqual(reply(client), ['SERVFAIL', 'q.test. IN A'])
    assert.equal(asked, 9)
  })

  test('is not asked for where too many wait already', async () => {
    const b = new Bench(LINE, 'cache 3600')
    const client = b.ask('app.test')
    b.upstream.answer({ name: 'app.test', answer })
    await setImmediate()
    b.upstream.answer({ name: 'app.test.other.example' })
    assert.equal(reply(client)!.length, 4)
    const { limit } = keptQueries
    keptQueries.limit = 0
    const hit = reply(b.ask('app.test'))
    keptQueries.limit = limit
    assert.deepEqual(hit, ['REFUSED', 'app.test. IN A'])
  })

  test('that has no answer at all, or a broken one, fails', async () => {
    for (const outcome of [Outcome.Drop, Outcome.Message]) {
      const b = new Bench(LINE)
      const client = b.ask('app.test')
      b.upstream.answer({ name: 'app.test', answer })
      await setImmediate()
      const q = b.upstream.asked.shift()!
      q.outcome = outcome
      q.reserve().fill(0xff, 0, 40)
      q.outLength = 40
      b.upstream.done(q)
      assert.deepEqual(reply(client), ['SERVFAIL', 'app.test. IN A'])
    }
  })
})
