import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { metrics } from '../../../src/plugins/dns64/metrics.ts'
import { keptQueries } from '../../../src/serve/kept-queries.ts'
import { Protocol } from '../../../src/serve/query.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { a, cname, message, ns, opt, option, recordsOf, rrsig, soa } from '../../wire/message.ts'
import { address, Bench, ipv6, shown } from './harness.ts'

const nothing = { authority: [soa('example.com', 300, 300)] }
const one = { answer: [address(33)] }
const translated = 'www.example.com. 60 AAAA 64:ff9b::c000:221'

describe('dns64', () => {
  test('makes AAAA records of A ones, where there are no AAAA', async () => {
    const b = new Bench()
    const client = b.ask({ name: 'wWw.Example.com', edns: true })
    assert.deepEqual(b.asked, ['wWw.Example.com. AAAA'])
    await b.answer(nothing)
    assert.deepEqual(b.asked, ['wWw.Example.com. A'])
    assert.deepEqual(shown(client), ['0 replies'])
    await b.answer({
      answer: [address(33), address(34, 400)],
      authority: [ns('example.com', 'ns.example.com')],
      additional: [a('ns.example.com')],
    })
    assert.deepEqual(shown(client), [
      'NOERROR RD RA',
      'wWw.Example.com. 60 AAAA 64:ff9b::c000:221',
      'wWw.Example.com. 300 AAAA 64:ff9b::c000:222',
      'Example.com. 60 NS (5)',
      'ns.Example.com. 60 A 192.0.2.1',
    ])
    assert.equal(recordsOf(client.sent[0]!).optAt, 4)
    assert.deepEqual(b.panics, [])
  })

  test('is for AAAA of class IN and clients over IPv6 alone', async () => {
    for (const asking of [
      { ipv4: true },
      { type: Type.A },
      { type: Type.ANY },
      { type: Type.HTTPS },
      { class: 3 },
    ] as const) {
      const b = new Bench()
      const client = b.ask(asking)
      await b.answer({ ...nothing, ...asking })
      assert.equal(client.sent.length, 1)
      assert.deepEqual(b.asked, [])
    }
    const b = new Bench('dns64 {\nallow_ipv4\n}')
    assert.equal((await b.outcome({ ipv4: true }, nothing, one))[1], translated)
  })

  test('leaves AAAA records as they are, unless it is to translate all', async () => {
    const answer = [cname('www.example.com', 'a.test'), ipv6(7, 60, 'a.test')]
    const b = new Bench()
    const client = b.ask()
    await b.answer({ answer })
    assert.deepEqual(shown(client)[2], 'a.test. 60 AAAA 2001:db8::7')
    assert.deepEqual(b.asked, [])
    const all = new Bench('dns64 {\ntranslate_all\n}')
    assert.deepEqual(await all.outcome({}, { answer }, one), ['NOERROR RD RA', translated])
  })

  test('passes NXDOMAIN and failures of our own on', async () => {
    for (const authority of [[], nothing.authority]) {
      const b = new Bench()
      const client = b.ask()
      await b.answer({ flags: 0x8180 | Rcode.NXDomain, authority })
      assert.equal(shown(client)[0], 'NXDOMAIN RD RA')
      assert.deepEqual(b.asked, [])
    }
    const b = new Bench()
    const client = b.ask()
    await b.fail()
    assert.deepEqual(shown(client), ['SERVFAIL RD'])
    assert.deepEqual(b.asked, [])
  })

  test('takes an error of the upstream for an answer without addresses', async () => {
    for (const rcode of [Rcode.ServFail, Rcode.Refused, Rcode.NotImp, Rcode.FormErr]) {
      const lines = await new Bench().outcome({}, { flags: 0x8180 | rcode }, one)
      assert.deepEqual(lines, ['NOERROR RD RA', translated])
    }
  })

  test('has the TTL of A, of the last SOA, or 600 s at most', async () => {
    for (const [authority, ttls] of [
      [[], [60, 600]],
      [[ns('example.com', 'a.test')], [60, 600]],
      [[soa('example.com', 30, 5)], [30, 30]],
      [
        [soa('example.com', 30, 5), soa('com', 4000, 5)],
        [60, 4000],
      ],
    ] as const) {
      const client = new Bench()
      const answer = [address(1, 60), address(2, 86_400)]
      const lines = await client.outcome({}, { authority }, { answer })
      assert.deepEqual(
        lines.slice(1).map((line) => Number(line.split(' ')[1])),
        ttls,
      )
    }
  })

  test('an answer without A records is that for A, and NOERROR', async () => {
    const b = new Bench()
    const lines = await b.outcome({}, {}, { flags: 0x8180 | Rcode.NXDomain, ...nothing })
    assert.deepEqual(lines, [
      'NOERROR RD RA',
      'example.com. 300 SOA a.test.'.replace('a.test.', '.'),
    ])
  })

  test('where A cannot be looked up the client has that failure', async () => {
    for (const rcode of [Rcode.ServFail, Rcode.Refused]) {
      const b = new Bench()
      const lines = await b.outcome({}, nothing, { flags: 0x8180 | rcode })
      assert.match(lines[0]!, rcode === Rcode.ServFail ? /^SERVFAIL/ : /^REFUSED/)
      assert.equal(lines.length, 1)
    }
    const b = new Bench()
    const client = b.ask({ edns: true })
    await b.answer(nothing)
    await b.fail()
    assert.deepEqual(shown(client), ['SERVFAIL RD'])
    assert.equal(b.seen.at(-1)!.error, 'no upstream')
  })

  test('AA and AD go, TC, RD and CD stay; DO and CD do not matter', async () => {
    const b = new Bench()
    const flags = Flag.RD | Flag.CD | Flag.AD
    const upstream = {
      flags: 0x8180 | Flag.AA | Flag.AD | Flag.TC,
      answer: [address(33), rrsig('www.example.com', 0, 1)],
    }
    const lines = await b.outcome({ flags, edns: true }, nothing, upstream)
    assert.deepEqual(lines, ['NOERROR TC RD RA CD', translated, 'www.example.com. 60 RRSIG (83)'])
  })

  test('the question for A goes through the block as the client', async () => {
    const dropped = new Bench('dns64', 'acl {\ndrop type A\n}')
    const client = dropped.ask()
    await dropped.answer(nothing)
    assert.deepEqual(shown(client), ['SERVFAIL RD'])
    const filtered = new Bench('dns64', 'acl {\nfilter type AAAA\n}')
    const other = filtered.ask()
    assert.deepEqual(filtered.asked, ['www.example.com. A'])
    await filtered.answer(one)
    assert.deepEqual(shown(other), ['NOERROR RD RA', translated])
  })

  test('a CNAME chain stays, its end is translated', async () => {
    const chain = [cname('www.example.com', 'a.cdn.test'), cname('a.cdn.test', 'b.cdn.test', 20)]
    const b = new Bench()
    const lines = await b.outcome(
      {},
      { answer: chain, authority: [soa('cdn.test', 10, 10)] },
      { answer: [...chain, address(33, 60, 'b.cdn.test'), address(34, 60, 'b.cdn.test')] },
    )
    assert.deepEqual(lines.slice(1), [
      'www.example.com. 60 CNAME a.cdn.test.',
      'a.cdn.test. 20 CNAME b.cdn.test.',
      'b.cdn.test. 10 AAAA 64:ff9b::c000:221',
      'b.cdn.test. 10 AAAA 64:ff9b::c000:222',
    ])
  })

  for (const [prefix, text] of [
    ['2001:db8::/32', '2001:db8:c000:221::'],
    ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
    ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
    ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
    ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100:0'],
    ['2001:db8:122:344::/96', '2001:db8:122:344::c000:221'],
    // As CoreDNS has them; no length of RFC 6052.
    ['2001:db8:122:344:5500::/72', '2001:db8:122:344:55c0:2:2100:0'],
    ['2001:db8:122:344:0:5500::/88', '2001:db8:122:344:0:55c0:2:2100'],
  ] as const) {
    test(`puts 192.0.2.33 behind ${prefix} (RFC 6052 §2.4)`, async () => {
      const lines = await new Bench(`dns64 ${prefix}`).outcome({}, nothing, one)
      assert.equal(lines[1], `www.example.com. 60 AAAA ${text}`)
    })
  }
})

describe('dns64 above cache', () => {
  test('both answers are cached, the translated one is made of them for each client', async () => {
    const b = new Bench('dns64', 'cache')
    assert.deepEqual(await b.outcome({}, nothing, one), ['NOERROR RD RA', translated])
    b.clock.advance(10_000)
    for (const name of ['WWW.example.com', 'www.example.com']) {
      // At once: nothing is waited for.
      assert.deepEqual(shown(b.ask({ name })), [
        'NOERROR RD RA',
        `${name}. 50 AAAA 64:ff9b::c000:221`,
      ])
    }
    assert.deepEqual(shown(b.ask({ type: Type.A })), [
      'NOERROR RD RA',
      'www.example.com. 50 A 192.0.2.33',
    ])
    assert.equal(shown(b.ask({ ipv4: true }))[1], 'example.com. 290 SOA .')
    assert.deepEqual(b.asked, [])
    assert.equal(keptQueries.count, 0)
  })

  test('clients that wait for one answer all have their own', async () => {
    const b = new Bench('dns64', 'cache')
    const names = ['www.example.com', 'WWW.example.com', 'www.EXAMPLE.com']
    const clients = names.map((name) => b.ask({ name }))
    assert.deepEqual(b.asked, ['www.example.com. AAAA'])
    await b.answer(nothing)
    assert.deepEqual(b.asked, ['www.example.com. A'])
    await b.answer(one)
    assert.deepEqual(
      clients.map((client) => shown(client)[1]),
      names.map((name) => `${name}. 60 AAAA 64:ff9b::c000:221`),
    )
    assert.equal(keptQueries.count, 0)
  })

  test('stale answers to several clients, and a stage below that answers A at once', async () => {
    const b = new Bench('dns64', 'cache {\nserve_stale\n}')
    await b.outcome({}, nothing, one)
    b.clock.advance(100_000)
    const clients = [b.ask(), b.ask()]
    assert.equal(b.upstream.asked.length, 1)
    b.upstream.instant = (q) => {
      q.fail(Rcode.ServFail, 'no upstream')
      b.upstream.done(q)
    }
    await b.fail()
    const stale = ['NOERROR RD RA', translated.replace(' 60 ', ' 0 ')]
    for (const client of clients) assert.deepEqual(shown(client), stale)
    assert.deepEqual(b.panics, [])
    assert.equal(keptQueries.count, 0)
  })

  test('without room for queries that wait, hits are answered and misses refused', async (t) => {
    const { limit } = keptQueries
    t.after(() => (keptQueries.limit = limit))
    const b = new Bench('dns64', 'cache')
    await b.outcome({}, nothing, one)
    keptQueries.limit = 0
    assert.deepEqual(shown(b.ask()), ['NOERROR RD RA', translated])
    const name = 'other.example.com'
    keptQueries.limit = limit
    const first = b.ask({ name })
    await b.answer({ name, ...nothing })
    keptQueries.limit = 0
    assert.deepEqual(shown(b.ask({ name })), ['REFUSED RD'])
    await b.answer({ name, answer: [address(33, 60, name)] })
    assert.deepEqual(shown(first)[1], translated.replace('www', 'other'))
    assert.equal(keptQueries.count, 0)
  })

  test('an answer that comes after the client was refused is nobody’s', async (t) => {
    const { limit } = keptQueries
    t.after(() => (keptQueries.limit = limit))
    const b = new Bench()
    b.upstream.instant = (q) => {
      b.upstream.instant = null
      b.upstream.deliver(q, message({ type: Type.AAAA, ...nothing }))
    }
    keptQueries.limit = 0
    const client = b.ask()
    assert.deepEqual(shown(client), ['REFUSED RD'])
    await b.answer(one)
    assert.equal(client.sent.length, 1)
    assert.equal(keptQueries.count, 0)
  })
})

describe('dns64 and odd answers', () => {
  test('hundreds of addresses are all there over TCP; too many are cut', async () => {
    const many = (count: number): { answer: ReturnType<typeof address>[] } => ({
      answer: Array.from({ length: count }, (_, i) => address(i & 255, 60, '.')),
    })
    const b = new Bench()
    const lines = await b.outcome({ name: '.' }, {}, { name: '.', ...many(1000) })
    assert.deepEqual([lines.length, lines[0]], [1001, 'NOERROR RD RA'])
    const cut = await b.outcome({ name: '.' }, {}, { name: '.', ...many(3000) })
    assert.equal(cut[0], 'NOERROR TC RD RA')
    assert.ok(cut.length > 500 && cut.every((line, i) => i === 0 || line.includes(' AAAA ')))
  })

  test('over UDP it is cut to what the client takes', async () => {
    const answer = Array.from({ length: 50 }, (_, i) => address(i))
    const b = new Bench()
    const lines = await b.outcome({ protocol: Protocol.Udp }, nothing, { answer })
    assert.equal(lines[0], 'NOERROR TC RD RA')
    assert.ok(lines.length > 10 && lines.length < 20)
  })

  test('a reply for AAAA that cannot be read is for the end of the chain', async () => {
    const b = new Bench()
    const client = b.ask()
    const broken = message({ type: Type.AAAA, answer: [address(1)] })
    b.upstream.deliver(b.upstream.asked.shift()!, broken.subarray(0, broken.length - 2))
    assert.equal(client.sent.length, 1)
    assert.deepEqual(b.asked, [])
  })

  test('extended errors of the answer to A reach the client', async () => {
    const b = new Bench('dns64', 'cache')
    const client = b.ask({ edns: true })
    await b.answer(nothing)
    const options = option(15, Buffer.from([0, 18]))
    await b.answer({ flags: 0x8180 | Rcode.ServFail, additional: [opt({ options })] })
    assert.equal(recordsOf(client.sent[0]!).ede, 18)
  })

  test('whatever stands in the answer to A, the client gets one reply', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 60 }),
        fc.nat(5),
        fc.nat(3),
        async (tail, n, m) => {
          const b = new Bench()
          const client = b.ask()
          await b.answer(nothing)
          const wire = Buffer.concat([message({ answer: [address(1)] }), tail])
          wire.writeUInt16BE(n, 6)
          wire.writeUInt16BE(m, 8)
          b.upstream.deliver(b.upstream.asked.shift()!, wire)
          assert.equal(client.sent.length, 1)
          assert.deepEqual(b.panics, [])
        },
      ),
      { numRuns: 300 },
    )
  })

  test('counts what it has translated, by server', async () => {
    const value = (): number => {
      let found = 0
      metrics[0]!.collect((labels, count) => {
        assert.deepEqual(labels, ['dns://127.0.0.1:53'])
        found = count as number
      })
      return found
    }
    const before = value()
    await new Bench().outcome({}, nothing, one)
    await new Bench().outcome({}, nothing, { flags: 0x8180 | Rcode.ServFail })
    await new Bench().outcome({ type: Type.A }, one, one).catch(() => {})
    assert.equal(value() - before, 1)
  })
})
