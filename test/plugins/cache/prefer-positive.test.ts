import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Ede, Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { a, cname, ns, opt, rrsig, soa, type TestMessage } from '../../wire/message.ts'
import { Bench, type Reply } from './harness.ts'

const name = 'cached.example.org'
const authority = [soa('example.org', 300, 300)]

/** What the upstream says now, none of which is an answer. */
const replies: Readonly<Record<string, TestMessage>> = {
  NXDOMAIN: { flags: 0x8183, authority },
  NODATA: { authority },
  'NOERROR, empty and without SOA': {},
  'a referral': { authority: [ns('example.org', 'ns.example.org')] },
  SERVFAIL: { flags: 0x8182 },
  NOTIMP: { flags: 0x8184 },
}

/** More of the kind than CoreDNS's table has. */
const further: Readonly<Record<string, TestMessage>> = {
  REFUSED: { flags: 0x8185 },
  'NXDOMAIN without SOA': { flags: 0x8183 },
  'NXDOMAIN with SOA MINIMUM 0': { flags: 0x8183, authority: [soa('example.org', 300, 0)] },
  'NODATA with SOA TTL 0': { authority: [soa('example.org', 0, 300)] },
  'NXDOMAIN behind a CNAME': { flags: 0x8183, answer: [cname(name, 'gone.org')], authority },
  'NODATA behind a CNAME': { answer: [cname(name, 'gone.org')], authority },
  'a CNAME that leads nowhere': { answer: [cname(name, 'gone.org')] },
  'data in the additional section alone': { additional: [a(name)] },
  'an answer of another name': { answer: [a('other.org')] },
  'a truncated answer': { flags: 0x8180 | Flag.TC, answer: [a(name)] },
  'a signature of another time': {
    answer: [a(name), rrsig(name, 1, 2)],
    additional: [opt({ dnssecOk: true })],
  },
}

const modes = ['verify', 'verify 1s', 'immediate'] as const

function bench(mode: string, more = ''): Bench {
  return new Bench(
    `cache {\nsuccess 10000 3600 0\ndenial 10000 1800 0\nserve_stale 1h ${mode}\n` +
      `serve_stale_policy prefer_positive\n${more}\n}`,
  )
}

/** Asks for the name; the upstream, if it is asked, says this. */
function askWhile(b: Bench, m: TestMessage): Reply {
  const before = b.client.replies.length
  b.ask(name, { edns: true })
  for (const q of b.upstream.asked.splice(0)) b.upstream.answerTo(q, { name, ...m })
  assert.equal(b.client.replies.length, before + 1)
  return b.last
}

for (const mode of modes) {
  describe(`serve_stale_policy prefer_positive, ${mode}`, () => {
    for (const [what, m] of Object.entries({ ...replies, ...further })) {
      test(`${what} does not replace the answer`, () => {
        const b = bench(mode)
        b.fill(name, { answer: [a(name, 1)] })
        b.clock.advance(2200)
        for (let i = 0; i < 5; i++) {
          const reply = askWhile(b, m)
          assert.equal(reply.rcode, Rcode.NoError, `query ${i}`)
          assert.equal(reply.records.answerCount, 1)
          assert.equal(reply.records.authorityCount, 0)
          assert.deepEqual(reply.ttls, [0])
          assert.equal(reply.ede, Ede.StaleAnswer)
          b.clock.advance(700)
        }
        // A new answer does; in the immediate mode the client after the next one sees it.
        if (mode === 'immediate') askWhile(b, { answer: [a(name, 7)] })
        assert.deepEqual(askWhile(b, { answer: [a(name, 7)] }).ttls, [7])
      })

      test(`${what} is what counts once the time for stale answers is over`, () => {
        const b = bench(mode)
        b.fill(name, { answer: [a(name, 1)] })
        b.clock.advance(3_600_000)
        askWhile(b, m)
        b.clock.advance(1000)
        const reply = askWhile(b, m)
        assert.equal(reply.rcode, (m.flags ?? 0) & 15)
        assert.deepEqual(
          [reply.records.answerCount, reply.records.authorityCount],
          [m.answer?.length ?? 0, m.authority?.length ?? 0],
        )
      })
    }

    test('an answer that must not be stored ends the old one', () => {
      const b = bench(mode)
      b.fill(name, { answer: [a(name, 1)] })
      b.clock.advance(2200)
      askWhile(b, { answer: [a(name, 0)] })
      assert.equal(b.ask(name), null)
      b.upstream.fail()
      assert.equal(b.last.rcode, Rcode.ServFail)
    })

    test('the upstream is asked anew each time, or once in RECHECK', () => {
      const each = bench(mode)
      const once = bench(mode === 'immediate' ? 'immediate 0s 10s' : 'verify 1s 0s 10s')
      for (const b of [each, once]) {
        b.fill(name, { answer: [a(name, 1)] })
        b.clock.advance(2200)
        askWhile(b, replies['NXDOMAIN']!)
        b.clock.advance(9999)
        b.ask(name)
        assert.equal(b.upstream.asked.length, b === each ? 1 : 0)
        b.clock.advance(1)
        b.ask(name)
        assert.equal(b.upstream.asked.length, 1)
      }
    })

    test('a NOERROR without an answer is no positive answer: a newer denial replaces it', () => {
      const b = bench(mode)
      b.fill(name, {})
      b.clock.advance(6000)
      askWhile(b, replies['NXDOMAIN']!)
      assert.equal(b.ask(name)!.rcode, Rcode.NXDomain)
      assert.equal(b.upstream.asked.length, 0)
    })
  })
}

test('prefer_positive: a denial that a prefetch brings does not replace an answer still fresh', () => {
  for (const m of Object.values({ ...replies, ...further })) {
    const b = bench('verify', 'prefetch 1 1m 50%')
    b.fill(name, { answer: [a(name, 10)] })
    b.clock.advance(6000)
    assert.deepEqual(b.ask(name)!.ttls, [4])
    b.upstream.answer({ name, ...m })
    assert.deepEqual(b.ask(name)!.ttls, [4])
    b.upstream.asked.length = 0
  }
})

test('prefer_positive keeps the types of a name apart', () => {
  const b = bench('verify')
  b.fill(name, { answer: [a(name, 1)] })
  b.clock.advance(2200)
  assert.equal(b.fill(name, { ...replies['NODATA']! }, { type: Type.AAAA }).rcode, Rcode.NoError)
  assert.equal(b.last.records.answerCount, 0)
})
