import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Rcode, Type } from '../../../src/wire/codes.ts'
import { a, cname, opt, option, soa } from '../../wire/message.ts'
import { Bench, reply } from './harness.ts'

const RULE = 'rewrite name alias.example.org real.example.net'
const name = 'real.example.net'

describe('a rewritten question', () => {
  test('goes down under its new name, and its answer up under the old one', () => {
    const b = new Bench(RULE)
    const client = b.ask('Alias.Example.org')
    assert.deepEqual(b.asked, ['real.example.net. IN A'])
    b.upstream.answer({ name, answer: [a(name, 30)] })
    assert.deepEqual(reply(client), [
      'NOERROR',
      'Alias.Example.org. IN A',
      'Alias.Example.org. 30 A 192.0.2.1',
    ])
  })

  test('that no rule concerns stays what it is', () => {
    const b = new Bench(RULE)
    const client = b.ask('other.example.org')
    assert.deepEqual(b.asked, ['other.example.org. IN A'])
    b.upstream.answer({ name: 'other.example.org', answer: [a('other.example.org')] })
    assert.equal(reply(client)![2], 'other.example.org. 60 A 192.0.2.1')
  })

  test('fills the cache under its new name: each client gets hits under its own', () => {
    const b = new Bench(`${RULE}\nrewrite name other.example.org ${name}`, 'cache')
    b.ask('alias.example.org')
    b.upstream.answer({ name, answer: [cname(name, 'x.example.net', 20), a('x.example.net', 20)] })
    for (const asked of ['alias.example.org', 'OTHER.example.org', name]) {
      assert.deepEqual(reply(b.ask(asked)), [
        'NOERROR',
        `${asked}. IN A`,
        `${asked}. 20 CNAME x.example.net.`,
        'x.example.net. 20 A 192.0.2.1',
      ])
    }
    assert.deepEqual(b.asked, [])
  })

  for (const cached of ['cache', null]) {
    test(`shares a flight with those who ask for the name itself, ${cached ?? 'without a cache'}`, () => {
      const b = new Bench(`${RULE}\nrewrite name longer.alias.example.org ${name}`, cached)
      const asked = ['longer.alias.example.org', 'alias.example.org', name]
      const clients = asked.map((one) => b.ask(one))
      // Without a cache, `forward` merges them.
      assert.equal(b.upstream.asked.length, cached === null ? 3 : 1)
      while (b.upstream.asked.length > 0) b.upstream.answer({ name, answer: [a(name, 30)] })
      clients.forEach((client, i) => {
        assert.deepEqual(reply(client), [
          'NOERROR',
          `${asked[i]}. IN A`,
          `${asked[i]}. 30 A 192.0.2.1`,
        ])
        assert.equal(client.sent.length, 1)
      })
    })
  }

  test('that fails is refused or fails under the name that was asked for', () => {
    for (const rcode of [Rcode.ServFail, Rcode.Refused]) {
      const b = new Bench(RULE, 'cache')
      const clients = [b.ask('alias.example.org'), b.ask(name)]
      b.upstream.fail(rcode)
      assert.deepEqual(
        clients.map((client) => reply(client)![1]),
        ['alias.example.org. IN A', `${name}. IN A`],
      )
      assert.equal(clients[0]!.sent[0]![3]! & 15, rcode)
    }
  })

  test('gets stale answers under the name that was asked for, refreshed under the other', () => {
    const b = new Bench(RULE, 'cache {\nserve_stale 1h immediate\n}')
    b.ask('alias.example.org')
    b.upstream.answer({ name, answer: [a(name, 5)] })
    b.clock.advance(10_000)
    const stale = b.ask('alias.example.org')
    assert.equal(reply(stale)![2]!.replace(/ \d+ /, ' '), 'alias.example.org. A 192.0.2.1')
    assert.deepEqual(b.asked, [`${name}. IN A`])
    b.upstream.answer({ name, answer: [a(name, 77)] })
    assert.equal(reply(b.ask('alias.example.org'))![2], 'alias.example.org. 77 A 192.0.2.1')
  })

  test('is prefetched under its new name', () => {
    const b = new Bench(RULE, 'cache {\nprefetch 1 1m 50%\n}')
    b.ask('alias.example.org')
    b.upstream.answer({ name, answer: [a(name, 10)] })
    b.clock.advance(8_000)
    assert.equal(reply(b.ask('alias.example.org'))![2], 'alias.example.org. 2 A 192.0.2.1')
    assert.deepEqual(b.asked, [`${name}. IN A`])
    b.upstream.answer({ name, answer: [a(name, 10)] })
    assert.equal(reply(b.ask('alias.example.org'))![2], 'alias.example.org. 10 A 192.0.2.1')
  })

  test('keeps denials, with their SOA, and extended errors of the upstream', () => {
    const b = new Bench(RULE, 'cache')
    const client = b.ask('alias.example.org', { edns: true })
    const told = Buffer.concat([Buffer.from([0, 22]), Buffer.from('why')])
    b.upstream.answer({
      name,
      flags: 0x8183,
      authority: [soa('example.net', 60, 30)],
      additional: [opt({ options: option(15, told) })],
    })
    const said = (): string[] => {
      const wire = client.sent.at(-1)!
      assert.ok(wire.includes(option(15, told)))
      return reply(client)!
    }
    assert.deepEqual(said(), ['NXDOMAIN', 'alias.example.org. IN A', 'example.net. 30 SOA .'])
    const hit = b.ask('alias.example.org', { edns: true })
    assert.deepEqual(reply(hit), said())
    assert.ok(hit.sent[0]!.includes(option(15, told)))
  })

  test('whose name becomes none fails at once, with the reason for the log', () => {
    const b = new Bench(`rewrite name prefix a ${'x'.repeat(64)}`)
    const client = b.ask('a.example.org')
    assert.deepEqual(reply(client), ['SERVFAIL', 'a.example.org. IN A'])
    assert.equal(b.seen[0]!.error, `invalid name after rewrite: ${'x'.repeat(64)}.example.org.`)
    assert.deepEqual(b.asked, [])
  })

  test('is observed as its client asked it', () => {
    const b = new Bench(RULE)
    b.ask('alias.example.org')
    b.upstream.answer({ name, answer: [a(name)] })
    const [q] = b.seen
    assert.equal(q!.rewritten, null)
    assert.equal(q!.wire.toString('latin1', 13, 18), 'alias')
  })

  test('whose answer is broken fails under the old name', () => {
    const b = new Bench(RULE)
    const client = b.ask('alias.example.org')
    const cut = { name: name, type: Type.A, data: Buffer.from([1, 2]) }
    b.upstream.answer({ name, answer: [cut] })
    assert.deepEqual(reply(client), ['SERVFAIL', 'alias.example.org. IN A'])
  })
})

describe('a stage that throws', () => {
  const defect = (): never => {
    throw new Error('a defect')
  }

  test('below costs its client SERVFAIL under the name that was asked for', () => {
    const b = new Bench(RULE)
    b.upstream.instant = defect
    assert.deepEqual(reply(b.ask('alias.example.org')), ['SERVFAIL', 'alias.example.org. IN A'])
    assert.equal(b.panics.length, 1)
  })

  test('on the way up as well, though it comes before rewrite', () => {
    const b = new Bench(RULE, null, [], [{ name: 'odd', stage: { unwrap: () => defect } }])
    const client = b.ask('alias.example.org')
    b.upstream.answer({ name, answer: [a(name)] })
    assert.deepEqual(reply(client), ['SERVFAIL', 'alias.example.org. IN A'])
  })
})
