import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { ByteBudget } from '../../../src/lib/byte-budget.ts'
import { Ede, Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { a, cname, ns, soa, type TestRecord } from '../../wire/message.ts'
import { Bench } from './harness.ts'

const NXDOMAIN = 0x8183
const SERVFAIL = 0x8182
const REFUSED = 0x8185
const name = 'www.example.com'

test('the second query is a hit whose TTL has gone down by the whole seconds between', () => {
  const b = new Bench('cache 30')
  assert.deepEqual(b.fill(name, { answer: [a(name, 20)] }).ttls, [20])
  b.clock.advance(2900)
  assert.deepEqual(b.ask(name)!.ttls, [18])
  assert.equal(b.upstream.asked.length, 0)
})

test('a record keeps its own TTL; the smallest decides how long the entry lives', () => {
  const b = new Bench('cache')
  b.fill(name, { answer: [cname(name, 'x.example.com'), a('x.example.com', 5)] })
  b.clock.advance(4000)
  assert.deepEqual(b.ask(name)!.ttls, [56, 1])
  b.clock.advance(1000)
  assert.equal(b.ask(name), null)
})

test('TTLs are capped by the configured maximum and raised to the minimum, in the first reply too', () => {
  const b = new Bench('cache {\nsuccess 9984 30 5\n}')
  assert.deepEqual(b.fill(name, { answer: [a(name, 3600)] }).ttls, [30])
  assert.deepEqual(b.fill('low.example.com', { answer: [a('low.example.com', 0)] }).ttls, [5])
  assert.deepEqual(b.ask('low.example.com')!.ttls, [5])
})

test('property: a hit never shows a TTL above what is left, and never lives longer', () => {
  const ttl = fc.integer({ min: 1, max: 100_000 })
  fc.assert(
    fc.property(
      fc.array(ttl, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 0, max: 6_000_000 }),
      (ttls, max, wait) => {
        const b = new Bench(`cache ${max} {\nserve_stale 0\n}`)
        b.fill(name, { answer: ttls.map((t) => a(name, t)) })
        b.clock.advance(wait)
        const hit = b.ask(name)
        const life = Math.min(max, ...ttls)
        assert.equal(hit !== null, wait < life * 1000)
        if (hit === null) return
        const expected = ttls.map((t) => Math.min(t, max) - Math.floor(wait / 1000))
        assert.deepEqual(hit.ttls, expected)
        assert.ok(hit.ttls.every((t) => t >= 1))
      },
    ),
  )
})

test('a denial lives for min(SOA TTL, SOA MINIMUM), capped, and its SOA says so', () => {
  const b = new Bench('cache 3600')
  const r = b.fill(name, { flags: NXDOMAIN, authority: [soa('example.com', 300, 60)] })
  assert.equal(r.rcode, Rcode.NXDomain)
  assert.deepEqual(r.ttls, [60])
  b.clock.advance(59_000)
  assert.deepEqual(b.ask(name)!.ttls, [1])
  assert.equal(b.last.rcode, Rcode.NXDomain)
  b.clock.advance(1000)
  assert.equal(b.ask(name), null)
})

test('NXDOMAIN and NODATA behind a CNAME are denials, for the smallest of SOA and CNAME TTL', () => {
  for (const flags of [NXDOMAIN, 0x8180]) {
    for (const [alias, ttl, minimum, seconds] of [
      [300, 30, 60, 30],
      [300, 60, 20, 20],
      [10, 30, 60, 10],
      [90_000, 90_000, 90_000, 40],
    ] as const) {
      const b = new Bench('cache 40')
      const chain = { ...cname(name, 'gone.example.org'), ttl: alias }
      const r = b.fill(name, { flags, answer: [chain], authority: [soa('org', ttl, minimum)] })
      assert.deepEqual(r.ttls, [Math.min(alias, 40), seconds])
      b.clock.advance(seconds * 1000 - 1)
      const hit = b.ask(name)!
      assert.equal(hit.rcode, flags & 15)
      assert.equal(hit.records.answerCount, 1)
      assert.equal(hit.ttls[1], 1)
      b.clock.advance(1)
      assert.equal(b.ask(name), null)
    }
  }
})

test('NXDOMAIN that comes with data is passed on, and neither stored nor believed', () => {
  const b = new Bench('cache 10 {\nserve_stale\n}')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(10_000)
  b.ask(name)
  b.upstream.answer({ name, flags: NXDOMAIN, answer: [a(name, 10)], authority: [soa('a', 9, 9)] })
  assert.equal(b.ask(name)!.rcode, Rcode.NoError)
})

test('what has no answer and no SOA lives for five seconds at most, whatever its TTLs say', () => {
  const referral = { flags: 0x8100, authority: [ns('org', 'a.gtld')], additional: [a('a.gtld')] }
  const shorter = { authority: [{ ...ns('org', 'a.gtld'), ttl: 3 }] }
  const messages = [referral, shorter, { additional: [a(name)] }, {}]
  for (const [i, seconds] of [5, 3, 5, 5].entries()) {
    const b = new Bench('cache 3600')
    b.fill(name, messages[i]!)
    b.clock.advance(seconds * 1000 - 1)
    assert.notEqual(b.ask(name), null, 'it takes load off the upstream')
    b.clock.advance(1)
    assert.equal(b.ask(name), null, `asked again after ${seconds} s`)
  }
})

test('TTL 0 is passed on and shared by who waits, but not stored', () => {
  const b = new Bench('cache 30')
  b.ask(name)
  b.ask(name)
  b.upstream.answer({ name, answer: [a(name, 0)] })
  assert.equal(b.client.replies.length, 2)
  assert.equal(b.ask(name), null)
})

test('identical misses are one upstream query; every client gets its own id, case and EDNS', () => {
  const b = new Bench('cache 30')
  b.ask('www.example.com')
  b.ask('WWW.EXAMPLE.com', { edns: true })
  assert.equal(b.upstream.asked.length, 1)
  b.upstream.answer({ name, answer: [a(name, 20)] })
  const [plain, mixed] = b.client.replies
  assert.equal(plain!.wire.toString('latin1', 13, 16), 'www')
  assert.equal(mixed!.wire.toString('latin1', 13, 16), 'WWW')
  assert.equal(plain!.records.optAt, -1)
  assert.ok(mixed!.records.optAt > 0)
})

test('type, class, DO and CD tell questions apart; RD, AD and letter case do not', () => {
  const b = new Bench('cache 30')
  b.fill(name, { answer: [a(name, 20)] })
  assert.notEqual(b.ask('wWw.eXample.com', { flags: 0 }), null)
  assert.notEqual(b.ask(name, { flags: Flag.RD | Flag.AD }), null)
  for (const o of [
    { type: Type.AAAA },
    { class: 3 },
    { dnssecOk: true },
    { flags: Flag.RD | Flag.CD },
  ]) {
    assert.equal(b.ask(name, o), null)
  }
  assert.equal(b.upstream.asked.length, 4)
})

test('AD reaches only who asked for it, from the cache as well', () => {
  const b = new Bench('cache 30')
  const first = b.fill(name, { flags: 0x81a0, answer: [a(name, 20)] })
  assert.equal(first.flags & Flag.AD, 0)
  assert.equal(b.ask(name)!.flags & Flag.AD, 0)
  assert.notEqual(b.ask(name, { flags: Flag.RD | Flag.AD })!.flags & Flag.AD, 0)
})

test('a truncated reply and refusals are passed on but not stored', () => {
  const b = new Bench('cache 30')
  assert.notEqual(b.fill(name, { flags: 0x8380, answer: [a(name, 20)] }).flags & Flag.TC, 0)
  assert.equal(b.ask(name), null)
  b.upstream.answer({ name, flags: REFUSED })
  assert.equal(b.last.rcode, Rcode.Refused)
  assert.equal(b.ask(name), null)
})

test('NXDOMAIN without SOA is not stored', () => {
  const b = new Bench('cache 30')
  assert.equal(b.fill(name, { flags: NXDOMAIN }).rcode, Rcode.NXDomain)
  assert.equal(b.ask(name), null)
})

test('SERVFAIL of the upstream is remembered for `servfail`', () => {
  const b = new Bench('cache {\nservfail 3s\n}')
  b.fill(name, { flags: SERVFAIL })
  b.clock.advance(2999)
  assert.equal(b.ask(name)!.rcode, Rcode.ServFail)
  b.clock.advance(1)
  assert.equal(b.ask(name), null)
})

test('servfail 0 remembers neither SERVFAIL nor failures', () => {
  const b = new Bench('cache {\nservfail 0s\n}')
  b.fill(name, { flags: SERVFAIL })
  assert.equal(b.ask(name), null)
  b.upstream.fail()
  assert.equal(b.last.rcode, Rcode.ServFail)
  assert.equal(b.ask(name), null)
})

test('a failed resolution is remembered for one second (RFC 9520)', () => {
  const b = new Bench('cache')
  b.ask(name)
  b.upstream.fail()
  assert.equal(b.last.rcode, Rcode.ServFail)
  b.clock.advance(999)
  assert.equal(b.ask(name)!.rcode, Rcode.ServFail)
  b.clock.advance(1)
  assert.equal(b.ask(name), null)
})

test('who joins a slow failure late gets one more try, and only one', () => {
  const b = new Bench('cache {\nserve_stale 0\n}')
  b.ask(name)
  b.clock.advance(3600)
  b.ask(name)
  b.ask(name)
  b.clock.advance(800)
  b.upstream.fail()
  assert.equal(b.client.replies.length, 1)
  assert.equal(b.upstream.asked.length, 1, 'a retry for the late ones')
  b.clock.advance(2000)
  b.upstream.fail()
  assert.equal(b.client.replies.length, 3)
  assert.equal(b.upstream.asked.length, 0)
})

test('without serve_stale: upstream first, an expired answer where it fails, TTL 30, EDE 3', () => {
  const b = new Bench('cache 10')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(10_000)
  assert.equal(b.ask(name, { edns: true }), null, 'the upstream is asked')
  b.upstream.asked[0]!.upstream = '192.0.2.53:53'
  b.upstream.fail()
  assert.equal(b.last.upstream, '192.0.2.53:53', 'who has failed')
  assert.equal(b.last.rcode, Rcode.NoError)
  assert.deepEqual(b.last.ttls, [30])
  assert.equal(b.last.ede, Ede.StaleAnswer)
  // For the next 30 s nobody waits for the upstream again.
  b.clock.advance(29_999)
  assert.deepEqual(b.ask(name)!.ttls, [30])
  assert.equal(b.upstream.asked.length, 0)
  b.clock.advance(1)
  assert.equal(b.ask(name), null)
  b.upstream.answer({ name, answer: [a(name, 10)] })
  assert.deepEqual(b.last.ttls, [10])
})

test('a SERVFAIL from upstream does not overwrite a good answer', () => {
  const b = new Bench('cache 10')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(11_000)
  b.ask(name)
  b.upstream.answer({ name, flags: SERVFAIL })
  assert.equal(b.last.rcode, Rcode.NoError)
  assert.deepEqual(b.last.ttls, [30])
})

test('an expired NXDOMAIN is served stale with EDE 19', () => {
  const b = new Bench('cache 10')
  b.fill(name, { flags: NXDOMAIN, authority: [soa('example.com', 10, 10)] })
  b.clock.advance(11_000)
  b.ask(name, { edns: true })
  b.upstream.fail()
  assert.equal(b.last.rcode, Rcode.NXDomain)
  assert.equal(b.last.ede, Ede.StaleNxdomain)
})

test('after an hour an expired answer is no answer any more', () => {
  const b = new Bench('cache 10')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(10_000 + 3_600_000)
  b.ask(name)
  b.upstream.fail()
  assert.equal(b.last.rcode, Rcode.ServFail)
})

test('serve_stale 0 switches stale answers off', () => {
  const b = new Bench('cache 10 {\nserve_stale 0\n}')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(10_000)
  b.ask(name)
  b.upstream.fail()
  assert.equal(b.last.rcode, Rcode.ServFail)
})

test('bare serve_stale answers at once with TTL 0 and refreshes behind', () => {
  const b = new Bench('cache 10 {\nserve_stale\n}')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(10_000)
  assert.deepEqual(b.ask(name)!.ttls, [0])
  assert.deepEqual(b.ask(name)!.ttls, [0])
  assert.equal(b.upstream.asked.length, 1, 'one refresh, however many ask')
  b.upstream.answer({ name, answer: [a(name, 7)] })
  assert.equal(b.client.replies.length, 3, 'nobody gets the refresh itself')
  assert.deepEqual(b.ask(name)!.ttls, [7])
})

test('an upstream that answers at once may refresh a stale entry while it is served', () => {
  const b = new Bench('cache 10 {\nserve_stale\n}')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(10_000)
  b.upstream.instant = (q) => b.upstream.answerTo(q, { name, answer: [a(name, 9)] })
  assert.deepEqual(b.ask(name)!.ttls, [0])
  assert.deepEqual(b.ask(name)!.ttls, [9])
})

test('serve_stale immediate RESP_TTL RECHECK', () => {
  const b = new Bench('cache 10 {\nserve_stale 1h immediate 5s 20s\n}')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(10_000)
  assert.deepEqual(b.ask(name)!.ttls, [5])
  b.upstream.fail()
  b.clock.advance(19_999)
  b.ask(name)
  assert.equal(b.upstream.asked.length, 0)
  b.clock.advance(1)
  b.ask(name)
  assert.equal(b.upstream.asked.length, 1)
})

test('verify waits for longer than a timer of Node can', async () => {
  const b = new Bench('cache 10 {\nserve_stale 1h verify 9999h\n}')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(10_000)
  assert.equal(b.ask(name), null)
  await sleep(10)
  assert.equal(b.client.replies.length, 1)
  b.upstream.answer({ name, answer: [a(name, 10)] })
  assert.deepEqual(b.last.ttls, [10])
})

test('verify waits for the upstream as long as it says, 1.8 s where it does not', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  for (const mode of ['verify', 'verify 0s']) {
    const patient = new Bench(`cache 10 {\nserve_stale 1h ${mode}\n}`)
    patient.fill(name, { answer: [a(name, 10)] })
    patient.clock.advance(10_000)
    assert.equal(patient.ask(name), null)
    t.mock.timers.tick(1799)
    assert.equal(patient.client.replies.length, 1)
    t.mock.timers.tick(1)
    assert.deepEqual(patient.last.ttls, [0])
    patient.upstream.answer({ name, answer: [a(name, 10)] })
    assert.deepEqual(patient.ask(name)!.ttls, [10])
  }

  const hasty = new Bench('cache 10 {\nserve_stale 1h verify 200ms 6s\n}')
  hasty.fill(name, { answer: [a(name, 10)] })
  hasty.clock.advance(10_000)
  assert.equal(hasty.ask(name), null)
  hasty.upstream.asked[0]!.upstream = '192.0.2.53:53'
  t.mock.timers.tick(199)
  assert.equal(hasty.client.replies.length, 1)
  t.mock.timers.tick(1)
  assert.deepEqual(hasty.last.ttls, [6])
  assert.equal(hasty.last.upstream, '192.0.2.53:53', 'whom it waited for')
  // The flight goes on; who asks meanwhile does not wait at all.
  assert.deepEqual(hasty.ask(name)!.ttls, [6])
  assert.equal(hasty.last.upstream, '192.0.2.53:53')
  hasty.upstream.answer({ name, answer: [a(name, 9)] })
  assert.deepEqual(hasty.ask(name)!.ttls, [9])
})

test('who joins a refresh of an entry that has expired meanwhile waits no longer than others', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const b = new Bench('cache 10 {\nprefetch 1 1m 50%\n}')
  b.fill(name, { answer: [a(name, 10)] })
  b.clock.advance(9000)
  b.ask(name)
  assert.equal(b.upstream.asked.length, 1, 'a refresh, and the entry is fresh')
  b.clock.advance(1000)
  assert.equal(b.ask(name), null)
  t.mock.timers.tick(1000)
  assert.equal(b.ask(name), null)
  t.mock.timers.tick(799)
  assert.equal(b.client.replies.length, 2)
  t.mock.timers.tick(1)
  assert.equal(b.client.replies.length, 4)
  assert.deepEqual(b.last.ttls, [30])
  b.upstream.answer({ name, answer: [a(name, 9)] })
  assert.deepEqual(b.ask(name)!.ttls, [9])
})

test('prefer_positive keeps an answer over a newer denial', () => {
  const denial = { flags: NXDOMAIN, authority: [soa('example.com', 60, 60)] }
  const plain = new Bench('cache 10 {\nserve_stale\n}')
  const positive = new Bench('cache 10 {\nserve_stale\nserve_stale_policy prefer_positive\n}')
  for (const b of [plain, positive]) {
    b.fill(name, { answer: [a(name, 10)] })
    b.clock.advance(10_000)
    b.ask(name)
    b.upstream.answer({ name, ...denial })
  }
  assert.equal(plain.ask(name)!.rcode, Rcode.NXDomain)
  assert.equal(positive.ask(name)!.rcode, Rcode.NoError)
})

test('prefetch refreshes a popular entry in its last tenth, once', () => {
  const b = new Bench('cache 100 {\nprefetch 2 1m 10%\n}')
  b.fill(name, { answer: [a(name, 100)] })
  b.clock.advance(50_000)
  b.ask(name)
  b.clock.advance(30_000)
  b.ask(name)
  assert.equal(b.upstream.asked.length, 0, 'twenty seconds left')
  b.clock.advance(11_000)
  assert.deepEqual(b.ask(name)!.ttls, [9])
  assert.deepEqual(b.ask(name)!.ttls, [9])
  assert.equal(b.upstream.asked.length, 1)
  b.upstream.answer({ name, answer: [a(name, 100)] })
  assert.deepEqual(b.ask(name)!.ttls, [100])
  b.clock.advance(55_000)
  b.ask(name)
  b.clock.advance(36_000)
  b.ask(name)
  assert.equal(b.upstream.asked.length, 1, 'the refreshed entry is as popular as the old one')
})

test('prefetch forgets hits that are further apart than its duration', () => {
  const b = new Bench('cache 100 {\nprefetch 2 10s\n}')
  b.fill(name, { answer: [a(name, 100)] })
  b.ask(name)
  b.clock.advance(95_000)
  b.ask(name)
  assert.equal(b.upstream.asked.length, 0)
})

test('disable keeps one kind of answers of some zones out', () => {
  const b = new Bench('cache 30 {\ndisable success example.com\ndisable denial\n}')
  b.fill(name, { answer: [a(name, 20)] })
  assert.equal(b.ask(name), null)
  b.fill('www.example.org', { answer: [a('www.example.org', 20)] })
  assert.notEqual(b.ask('www.example.org'), null)
  b.fill('no.example.org', { flags: NXDOMAIN, authority: [soa('example.org', 20, 20)] })
  assert.equal(b.ask('no.example.org'), null)
})

test('keepttl shows the TTL as stored', () => {
  const b = new Bench('cache 30 {\nkeepttl\n}')
  b.fill(name, { answer: [a(name, 20)] })
  b.clock.advance(19_000)
  assert.deepEqual(b.ask(name)!.ttls, [20])
  b.clock.advance(1000)
  assert.equal(b.ask(name), null)
})

test('zones outside the directive pass', () => {
  const b = new Bench('cache 30 example.org')
  b.fill(name, { answer: [a(name, 20)] })
  assert.equal(b.ask(name), null)
  assert.equal(b.ask(name), null)
  assert.equal(b.upstream.asked.length, 2, 'nor are they merged')
})

test('a reply that cannot be parsed becomes SERVFAIL and is not stored', () => {
  const b = new Bench('cache {\nservfail 0s\n}')
  b.ask(name)
  const q = b.upstream.asked.shift()!
  const broken: TestRecord = { ...a(name), data: Buffer.from([1, 2, 3]) }
  b.upstream.answerTo(q, { name, answer: [broken] })
  assert.equal(b.last.rcode, Rcode.ServFail)
  assert.equal(b.ask(name), null)
})

test('the byte budget bounds what is held; the least recently used goes first', () => {
  const b = new Bench('cache 30', '.', { budget: new ByteBudget(4000) })
  for (let i = 0; i < 40; i++) b.fill(`n${i}.example.com`, { answer: [a(`n${i}.example.com`, 20)] })
  assert.ok(b.budget.used <= 4000)
  assert.ok(b.budget.used > 3000)
  assert.equal(b.ask('n0.example.com'), null)
  assert.notEqual(b.ask('n39.example.com'), null)
})

test('a stopped and restarted block finds its answers again', () => {
  const kept = new Map<string, unknown>()
  const first = new Bench('cache 30', '.', { kept })
  first.fill(name, { answer: [a(name, 20)] })
  const second = new Bench('cache 30', '.', { kept, clock: first.clock })
  assert.notEqual(second.ask(name), null)
  const other = new Bench('cache 31', '.', { kept, clock: first.clock })
  assert.equal(other.ask(name), null)
})
