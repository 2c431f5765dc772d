import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CachedAnswer } from '../../../src/serve/inspection.ts'
import { Query } from '../../../src/serve/query.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { parseQuestion } from '../../../src/wire/question.ts'
import { message, soa, type TestRecord } from '../../wire/message.ts'
import { Bench } from './harness.ts'

const SECOND = 1000

function a(name: string, address: string, ttl: number): TestRecord {
  return { name, type: Type.A, ttl, data: Buffer.from(address.split('.').map(Number)) }
}

function filled(directive = 'cache'): Bench {
  const bench = new Bench(directive)
  for (const name of ['a.test', 'B.test', 'c.other']) {
    bench.fill(name, { answer: [a(name, '192.0.2.1', 30)] })
  }
  bench.fill('no.test', { flags: 0x8183, authority: [soa('test', 20, 60)] })
  return bench
}

function namesOf(answers: Iterable<CachedAnswer>): string[] {
  return [...answers].map(({ name }) => name)
}

function explained(bench: Bench, name: string): string {
  const wire = message({ name, flags: Flag.RD })
  const q = new Query(bench.client)
  q.reset(wire, wire.length, bench.clock.now)
  parseQuestion(wire, wire.length, q.question)
  return bench.stage.explain!(q).says.join()
}

test('a look-up shows the answer as a client would get it now, and is no use of it', () => {
  const bench = filled()
  const contents = bench.stage.contents!
  bench.ask('b.test')
  bench.ask('b.test')
  bench.clock.advance(10.5 * SECOND)
  assert.deepEqual(contents.lookUp('B.test.', Type.A), [
    {
      name: 'b.test.',
      type: 'A',
      store: 'success',
      rcode: 'NOERROR',
      dnssecOk: false,
      checkingDisabled: false,
      ttl: 20,
      staleFor: 3600,
      hits: 2,
      records: ['B.test. 20 IN A 192.0.2.1'],
    },
  ])
  assert.deepEqual(contents.lookUp('b.test.', Type.AAAA), [])
  assert.deepEqual(contents.lookUp('no name..', Type.A), [])
  assert.equal(contents.lookUp('b.test.', Type.A)[0]!.hits, 2)
})

test('answers to DO and CD are answers of their own', () => {
  const bench = filled()
  const signed = { answer: [a('a.test', '192.0.2.2', 9)] }
  bench.fill('a.test', signed, { dnssecOk: true })
  bench.fill('a.test', signed, { flags: Flag.RD | Flag.CD })
  assert.deepEqual(
    bench.stage
      .contents!.lookUp('a.test.', Type.A)
      .map((one) => [one.dnssecOk, one.checkingDisabled]),
    [
      [false, false],
      [true, false],
      [false, true],
    ],
  )
})

test('what has expired has a negative TTL, the TTL of stale answers, and the rest of their time', () => {
  const bench = filled('cache {\n serve_stale 1m immediate\n}')
  const contents = bench.stage.contents!
  const seen = (name: string): unknown[] => {
    const [answer] = contents.lookUp(name, Type.A)
    return answer === undefined ? [] : [answer.ttl, answer.staleFor, answer.records[0]]
  }
  assert.deepEqual(seen('a.test.'), [30, 60, 'a.test. 30 IN A 192.0.2.1'])
  bench.clock.advance(30 * SECOND)
  const [expired] = contents.lookUp('a.test.', Type.A)
  assert.deepEqual([expired!.ttl, expired!.staleFor], [-1, 60])
  bench.clock.advance(10 * SECOND)
  assert.deepEqual(seen('a.test.').slice(0, 2), [-10, 50])
  assert.equal(seen('no.test.')[1], 40)
  bench.clock.advance(51 * SECOND)
  assert.deepEqual(seen('a.test.'), [-61, 0, 'a.test. 0 IN A 192.0.2.1'])
  const kept = filled('cache {\n keepttl\n}')
  kept.clock.advance(9 * SECOND)
  assert.equal(
    kept.stage.contents!.lookUp('a.test.', Type.A)[0]!.records[0],
    'a.test. 30 IN A 192.0.2.1',
  )
})

test('a failure is never stale', () => {
  const bench = new Bench('cache')
  bench.fill('a.test', { flags: 0x8180 | Rcode.ServFail })
  const [answer] = bench.stage.contents!.lookUp('a.test.', Type.A)
  assert.deepEqual([answer!.rcode, answer!.store, answer!.staleFor], ['SERVFAIL', 'denial', 0])
})

test('a dump tells each answer once, the last used first, whatever happens meanwhile', () => {
  const bench = filled()
  const contents = bench.stage.contents!
  bench.ask('a.test')
  assert.deepEqual(namesOf(contents.dump()), ['a.test.', 'c.other.', 'b.test.', 'no.test.'])
  const dump = contents.dump()[Symbol.iterator]()
  assert.equal((dump.next().value as CachedAnswer).name, 'a.test.')
  // Refreshed, gone, new, used: the entries are used again for others.
  bench.clock.advance(31 * SECOND)
  bench.fill('a.test', { answer: [a('a.test', '192.0.2.9', 30)] })
  bench.fill('new.test', { answer: [a('new.test', '192.0.2.9', 30)] })
  assert.equal(
    [...contents.purge((name) => name === 'c.other.')].reduce((x, y) => x + y),
    1,
  )
  bench.fill('b.test', { answer: [a('b.test', '192.0.2.9', 30)] })
  const rest = [...{ [Symbol.iterator]: () => dump }]
  assert.deepEqual(namesOf(rest), ['b.test.', 'no.test.'])
  assert.deepEqual([rest[0]!.records, rest[0]!.ttl], [['b.test. 30 IN A 192.0.2.9'], 30])
})

test('a purge forgets what matches, expired or not, and gives its bytes back', () => {
  const bench = filled()
  const contents = bench.stage.contents!
  const { bytes } = contents.fill()
  assert.equal(bytes, bench.budget.used)
  bench.clock.advance(100 * SECOND)
  const looked = [...contents.purge((name, type) => name.endsWith('test.') && type === Type.A)]
  assert.deepEqual([looked.length, looked.reduce((x, y) => x + y)], [4, 3])
  assert.deepEqual(namesOf(contents.dump()), ['c.other.'])
  const fill = contents.fill()
  assert.deepEqual(
    [fill.success.entries, fill.denial.entries, fill.success.capacity],
    [1, 0, 10_000],
  )
  assert.ok(fill.bytes < bytes && fill.bytes === bench.budget.used)
  assert.equal(bench.ask('a.test'), null)
})

test('names of any octets come out in one spelling', () => {
  const bench = new Bench('cache')
  const name = 'x\\000\\032\\255.test'
  bench.fill(name, { answer: [a(name, '192.0.2.1', 30)] })
  assert.deepEqual(namesOf(bench.stage.contents!.dump()), [
    'x\\000\\032\\255.test.'.replace('\\032', '\\ '),
  ])
  assert.equal(bench.stage.contents!.lookUp(name, Type.A).length, 1)
})

test('what would become of a question is told and changes nothing', () => {
  const bench = filled('cache {\n serve_stale 1m\n}')
  assert.equal(explained(bench, 'A.test'), 'hit: NOERROR from memory, 30 s left')
  assert.equal(explained(bench, 'no.test'), 'hit: NXDOMAIN from memory, 20 s left')
  assert.equal(explained(bench, 'new.test'), 'miss: the upstream is asked')
  bench.ask('new.test')
  assert.equal(explained(bench, 'new.test'), 'miss: waits for the question under way')
  bench.clock.advance(35 * SECOND)
  assert.match(explained(bench, 'a.test'), /^expired 5 s ago: /)
  bench.clock.advance(100 * SECOND)
  assert.equal(
    explained(bench, 'a.test'),
    'miss: the upstream is asked, what was there expired 105 s ago',
  )
  assert.equal(bench.stage.contents!.lookUp('a.test.', Type.A)[0]!.hits, 0)
})

test('stale answers are told as they would be given', () => {
  const says = (mode: string): string => {
    const bench = filled(`cache {\n serve_stale 1m ${mode}\n}`)
    bench.clock.advance(31 * SECOND)
    return explained(bench, 'a.test')
  }
  assert.equal(
    says('immediate'),
    'expired 1 s ago: answers stale at once, and the upstream is asked',
  )
  assert.match(says('verify'), /^expired 1 s ago: the upstream is asked; without an answer in/)
  const bench = filled('cache {\n serve_stale 1m immediate\n}')
  bench.clock.advance(31 * SECOND)
  bench.ask('a.test')
  bench.upstream.fail()
  assert.match(explained(bench, 'a.test'), /answers stale at once/)
})

test('a cache for other zones says that it passes the question on', () => {
  assert.equal(explained(new Bench('cache example.org'), 'a.test'), 'not for this name: it goes on')
})
