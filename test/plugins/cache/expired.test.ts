import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ByteBudget } from '../../../src/lib/byte-budget.ts'
import { Ede, Flag, Rcode } from '../../../src/wire/codes.ts'
import { a, cname, opt, rrsig, soa, type TestMessage, type TestRecord } from '../../wire/message.ts'
import { Bench, type Reply } from './harness.ts'

const name = 'www.example.com'
const nxdomain = { flags: 0x8183, authority: [soa('example.com', 10, 10)] }
const nodata = { authority: [soa('example.com', 10, 10)] }
const servfail = { flags: 0x8182 }

function address(ttl: number, last: number): TestRecord {
  return { ...a(name, ttl), data: Buffer.from([192, 0, 2, last]) }
}

/** What a client sees: an address's last octet, or the rcode and the number of answers. */
function seen({ wire, rcode, records }: Reply): string {
  if (rcode !== Rcode.NoError || records.answerCount === 0) {
    return `${rcode}/${records.answerCount}`
  }
  return `.${wire[records.ends[records.answerCount - 1]! - 1]}`
}

/** Asks; the upstream says this, if it is asked at all. Null: it fails. */
function askWhile(b: Bench, m: TestMessage | null): string {
  const before = b.client.replies.length
  b.ask(name, { edns: true })
  while (b.upstream.asked.length > 0) {
    if (m === null) b.upstream.fail()
    else b.upstream.answer({ name, ...m })
  }
  assert.equal(b.client.replies.length, before + 1)
  return seen(b.last)
}

/** Asks where the answer must come from the cache, and the upstream must not be asked. */
function hit(b: Bench): string {
  const reply = b.ask(name, { edns: true })
  assert.ok(reply !== null, 'a hit')
  assert.equal(b.upstream.asked.length, 0)
  return seen(reply)
}

const modes = {
  default: '',
  verify: 'serve_stale 1h verify',
  'verify 1s': 'serve_stale 1h verify 1s',
  immediate: 'serve_stale 1h immediate',
} as const

/** Good replies that must not be stored, and what a client sees of them. */
const unstored: readonly (readonly [what: string, reply: TestMessage, seen: string])[] = [
  ['an address with TTL 0', { answer: [address(0, 9)] }, '.9'],
  ['an address behind a CNAME with TTL 0', zeroCname(), '.9'],
  ['NXDOMAIN without SOA', { flags: 0x8183 }, '3/0'],
  ['NXDOMAIN with SOA MINIMUM 0', { ...nxdomain, authority: [soa('example.com', 10, 0)] }, '3/0'],
  ['NXDOMAIN with SOA TTL 0', { ...nxdomain, authority: [soa('example.com', 0, 10)] }, '3/0'],
  ['NODATA with SOA MINIMUM 0', { authority: [soa('example.com', 10, 0)] }, '0/0'],
  ['NXDOMAIN behind a CNAME, SOA MINIMUM 0', goneBehindCname(), '3/1'],
]

function zeroCname(): TestMessage {
  const target = { ...address(60, 9), name: 'x.example.com' }
  return { answer: [{ ...cname(name, 'x.example.com'), ttl: 0 }, target] }
}

function goneBehindCname(): TestMessage {
  return {
    flags: 0x8183,
    answer: [cname(name, 'gone.example.com')],
    authority: [soa('example.com', 10, 0)],
  }
}

/** Entries that were stored, and what a client sees of them. */
const entries: readonly (readonly [what: string, reply: TestMessage, seen: string])[] = [
  ['an address', { answer: [address(10, 1)] }, '.1'],
  ['NXDOMAIN', nxdomain, '3/0'],
  ['NODATA', nodata, '0/0'],
]

for (const [mode, option] of Object.entries(modes)) {
  describe(`a good reply that must not be stored ends the expired entry, ${mode}`, () => {
    for (const [what, reply, saw] of unstored) {
      for (const [before, stored, old] of entries) {
        test(`${what} after ${before}`, () => {
          const b = new Bench(`cache 3600 {\n${option}\n}`)
          b.fill(name, stored)
          b.clock.advance(11_000)
          // Served at once, the expired entry is seen a last time.
          assert.equal(askWhile(b, reply), mode === 'immediate' ? old : saw)
          for (let i = 0; i < 20; i++) {
            b.clock.advance(1000)
            assert.equal(askWhile(b, reply), saw, `query ${i}`)
          }
          // Nor does it come back when the upstream fails.
          assert.equal(askWhile(b, servfail), '2/0')
          b.clock.advance(6000)
          assert.equal(askWhile(b, null), '2/0')
        })
      }
    }
  })

  describe(`replies that say nothing reliable leave the expired entry, ${mode}`, () => {
    const doubtful: Readonly<Record<string, TestMessage>> = {
      'a truncated reply': { flags: 0x8180 | Flag.TC, answer: [address(10, 9)] },
      'a signature of another time': {
        answer: [address(10, 9), rrsig(name, 1, 2)],
        additional: [opt({ dnssecOk: true })],
      },
      REFUSED: { flags: 0x8185 },
      SERVFAIL: servfail,
    }
    for (const [what, reply] of Object.entries(doubtful)) {
      test(what, () => {
        const b = new Bench(`cache 3600 {\n${option}\n}`)
        b.fill(name, { answer: [address(10, 1)] })
        b.clock.advance(11_000)
        askWhile(b, reply)
        assert.equal(askWhile(b, null), '.1')
        assert.equal(b.last.ede, Ede.StaleAnswer)
      })
    }
  })

  test(`an entry that a refresh may not replace under \`disable\` ends, ${mode}`, () => {
    const b = new Bench(`cache 3600 {\ndisable denial\n${option}\n}`)
    b.fill(name, { answer: [address(10, 1)] })
    b.clock.advance(11_000)
    askWhile(b, nxdomain)
    assert.equal(askWhile(b, nxdomain), '3/0')
    assert.equal(askWhile(b, null), '2/0')
  })

  test(`an answer too large to be stored ends the entry, ${mode}`, () => {
    const b = new Bench(`cache 3600 {\n${option}\n}`, '.', { budget: new ByteBudget(2000) })
    b.fill(name, { answer: [address(10, 1)] })
    b.clock.advance(11_000)
    const large = { answer: Array.from({ length: 200 }, () => address(10, 9)) }
    askWhile(b, large)
    assert.equal(askWhile(b, large), '.9')
    assert.equal(askWhile(b, null), '2/0')
  })
}

test('a refresh with TTL 0 ends an entry that is still fresh: it is no longer true', () => {
  const b = new Bench('cache 3600 {\nprefetch 1 1m 50%\nserve_stale\n}')
  b.fill(name, { answer: [address(10, 1)] })
  b.clock.advance(6000)
  assert.equal(askWhile(b, { answer: [address(0, 9)] }), '.1')
  assert.equal(askWhile(b, { answer: [address(0, 9)] }), '.9')
})

// The scenarios of Unbound's testdata/serve_expired*.rpl that concern a forwarder, by their names.
// Its serve-expired-client-timeout is our TIMEOUT, 0 our `immediate`; serve-expired-reply-ttl is
// RESP_TTL; the 5 s for which it does not ask again are our RECHECK.
describe('expired answers as Unbound gives them', () => {
  const immediate = 'cache 7200 {\nserve_stale 1h immediate 123s\n}'

  test('serve_expired: at once, and refreshed behind it', () => {
    const b = new Bench(immediate)
    b.fill(name, { answer: [address(3600, 1)] })
    b.clock.advance(3_600_000)
    assert.equal(askWhile(b, { answer: [address(3600, 2)] }), '.1')
    assert.deepEqual(b.last.ttls, [123])
    assert.equal(b.last.ede, Ede.StaleAnswer)
    assert.equal(hit(b), '.2')
    assert.deepEqual(b.last.ttls, [3600])
  })

  for (const [what, denial, saw] of [
    ['0ttl_nodata', nodata, '0/0'],
    ['0ttl_nxdomain', nxdomain, '3/0'],
  ] as const) {
    test(`serve_expired_${what}: the denial once more, then the address that came with TTL 0`, () => {
      const b = new Bench(immediate)
      b.fill(name, denial)
      assert.equal(hit(b), saw)
      b.clock.advance(10_000)
      assert.equal(askWhile(b, { answer: [address(0, 9)] }), saw)
      assert.equal(askWhile(b, { answer: [address(0, 9)] }), '.9')
      assert.deepEqual(b.last.ttls, [0])
    })
  }

  test('serve_expired_0ttl_servfail, serve_expired_cached_servfail: no failure is given expired', () => {
    for (const ttl of [0, 3600]) {
      for (const failure of [servfail, { flags: 0x8184 }]) {
        const b = new Bench(immediate)
        b.fill(name, failure)
        assert.equal(hit(b), `${failure.flags & 15}/0`)
        b.clock.advance(6000)
        assert.equal(askWhile(b, { answer: [address(ttl, 1)] }), '.1')
        assert.deepEqual(b.last.ttls, [ttl])
      }
    }
  })

  test('serve_expired_cached_servfail_refresh: a second failure is kept as long as the first', () => {
    const b = new Bench(immediate)
    b.fill(name, servfail)
    b.clock.advance(6000)
    assert.equal(askWhile(b, servfail), '2/0')
    b.clock.advance(4000)
    assert.equal(hit(b), '2/0')
  })

  test('serve_expired_client_timeout: after the timeout, while the question goes on', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const b = new Bench('cache 7200 {\nserve_stale 1h verify 1ms 123s\n}')
    b.fill(name, { answer: [address(10, 1)] })
    b.clock.advance(3_600_000)
    assert.equal(b.ask(name), null)
    t.mock.timers.tick(1)
    assert.equal(seen(b.last), '.1')
    assert.deepEqual(b.last.ttls, [123])
    b.upstream.answer({ name, answer: [address(10, 2)] })
    assert.equal(hit(b), '.2')
  })

  test('serve_expired_client_timeout_servfail: nobody asks again within RECHECK', () => {
    const b = new Bench('cache 7200 {\nserve_stale 1h verify 1s 123s 5s\n}')
    b.fill(name, { answer: [address(10, 1)] })
    b.clock.advance(200_000)
    assert.equal(askWhile(b, servfail), '.1')
    assert.equal(hit(b), '.1')
    b.clock.advance(4999)
    assert.equal(hit(b), '.1')
    assert.deepEqual(b.last.ttls, [123])
    b.clock.advance(1)
    assert.equal(askWhile(b, { answer: [address(10, 2)] }), '.2')
    assert.deepEqual(b.last.ttls, [10])
  })

  test('serve_expired_ttl: nothing is given beyond the window', () => {
    const b = new Bench('cache 7200 {\nserve_stale 10s\n}')
    b.fill(name, { answer: [address(3600, 1)] })
    b.clock.advance(3_611_000)
    assert.equal(askWhile(b, { answer: [address(3600, 2)] }), '.2')
    assert.equal(hit(b), '.2')
  })

  test('serve_expired_ttl_client_timeout: beyond the window the client waits', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const b = new Bench('cache 7200 {\nserve_stale 10s verify 1ms\n}')
    b.fill(name, { answer: [address(3600, 1)] })
    b.clock.advance(3_610_000)
    assert.equal(b.ask(name), null)
    t.mock.timers.tick(1000)
    assert.equal(b.client.replies.length, 1)
    b.upstream.answer({ name, answer: [address(3600, 2)] })
    assert.equal(seen(b.last), '.2')
  })

  test('serve_expired_val_bogus: what is signed for another time does not replace the answer', () => {
    const b = new Bench('cache 7200 {\nserve_stale 1h immediate 123s\n}')
    const now = Date.now() / 1000
    const signed = (last: number, from: number, to: number): TestMessage => ({
      answer: [address(60, last), rrsig(name, from, to)],
      additional: [opt({ dnssecOk: true })],
    })
    b.fill(name, signed(1, now - 1000, now + 10_000), { dnssecOk: true })
    b.clock.advance(61_000)
    const ask = (): Buffer => b.ask(name, { dnssecOk: true })!.wire
    assert.ok(ask().includes(Buffer.from([192, 0, 2, 1])))
    b.upstream.answer({ name, ...signed(2, now - 1000, now - 1) })
    assert.ok(ask().includes(Buffer.from([192, 0, 2, 1])))
    b.upstream.answer({ name, ...signed(3, now - 1000, now + 10_000) })
    assert.ok(ask().includes(Buffer.from([192, 0, 2, 3])))
    assert.equal(b.upstream.asked.length, 0)
  })

  test('serve_expired_zerottl: TTL 0 is passed on, what comes after it is stored and expires', () => {
    const b = new Bench(immediate)
    assert.equal(askWhile(b, { answer: [address(0, 1)] }), '.1')
    assert.deepEqual(b.last.ttls, [0])
    b.clock.advance(1000)
    assert.equal(askWhile(b, { answer: [address(200, 1)] }), '.1')
    assert.deepEqual(b.last.ttls, [200])
    b.clock.advance(200_000)
    assert.equal(askWhile(b, { answer: [address(200, 1)] }), '.1')
    assert.deepEqual(b.last.ttls, [123])
  })
})
