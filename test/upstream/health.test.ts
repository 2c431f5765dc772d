import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { Transport, UpstreamCounters } from '../../src/upstream/counters.ts'
import { Health, type HealthOptions } from '../../src/upstream/health.ts'
import { probe } from '../../src/upstream/probe.ts'
import { questionOf } from '../wire/message.ts'
import {
  answerTo,
  eventually,
  framed,
  honest,
  type Scripted,
  silent,
  startScripted,
  withOpt,
} from './scripted.ts'

function options({ port }: Scripted, more: Partial<HealthOptions> = {}): HealthOptions {
  return {
    upstream: {
      destination: (over) => ({
        host: '127.0.0.1',
        port,
        protocol: over === Transport.Udp ? 'udp' : 'tcp',
        from: '127.0.0.1',
      }),
    },
    domain: '.',
    recursionDesired: true,
    maxFails: 1,
    interval: 50,
    counters: new UpstreamCounters(),
    changed: () => {},
    ...more,
  }
}

/** What a single probe says. */
function outcome(upstream: Scripted, transport: Transport): Promise<boolean> {
  return probe(options(upstream), transport, new AbortController().signal)
}

describe('Health', { concurrency: 8 }, () => {
  for (const transport of [Transport.Udp, Transport.Tcp]) {
    const over = transport === Transport.Tcp ? 'tcp' : 'udp'
    test(`asks for the NS records of the root over ${over}; any answer will do`, async (t) => {
      const upstream = await startScripted(t, ({ wire, reply }) => reply(answerTo(wire, 0x8185, 0)))
      const o = options(upstream)
      const health = new Health(transport, o)
      health.suspect()
      health.suspect()
      await upstream.waitFor(1)
      assert.equal(upstream.asked[0]!.over, over)
      const { wire } = upstream.asked[0]!
      assert.equal(wire.toString('hex', 2), '01000001000000000000' + '00' + '00020001')
      // The next suspicion is looked into again, but not at once.
      await eventually(() => {
        health.suspect()
        return upstream.asked.length === 2
      }, 'another probe')
      assert.equal(o.counters.healthFailures, 0)
      assert.ok(!health.down)
      health.close()
    })

    test(`is down after more than max_fails failures over ${over}, up with an answer`, async (t) => {
      const upstream = await startScripted(t, honest)
      await upstream.close()
      const changes: boolean[] = []
      const o = options(upstream, { changed: (down) => changes.push(down) })
      const health = new Health(transport, o)
      t.after(() => health.close())
      health.suspect()
      await eventually(() => health.down, 'down')
      assert.ok(o.counters.healthFailures >= 2)
      await startScripted(t, honest, upstream.port)
      await eventually(() => !health.down, 'up')
      assert.deepEqual(changes, [true, false])
    })
  }

  test('an answer to a query proves as much as a probe', async (t) => {
    const upstream = await startScripted(t, honest)
    await upstream.close()
    const health = new Health(Transport.Tcp, options(upstream))
    t.after(() => health.close())
    health.suspect()
    await eventually(() => health.down, 'down')
    health.proven()
    assert.ok(!health.down)
  })

  test('the first answer is the last probe', async (t) => {
    const well = await startScripted(t, honest)
    const dead = await startScripted(t, honest)
    await dead.close()
    const o = options(dead)
    const health = new Health(Transport.Tcp, options(well))
    const other = new Health(Transport.Tcp, o)
    t.after(() => [health, other].forEach((one) => one.close()))
    health.suspect()
    await well.waitFor(1)
    other.suspect()
    await eventually(() => o.counters.healthFailures > 3, 'as many intervals')
    assert.equal(well.asked.length, 1)
  })

  test('waits for an interval that no timer of Node can', async (t) => {
    const upstream = await startScripted(t, honest)
    await upstream.close()
    const o = options(upstream, { interval: 2 ** 40 })
    const health = new Health(Transport.Tcp, o)
    t.after(() => health.close())
    health.suspect()
    await eventually(() => o.counters.healthFailures > 0, 'a probe')
    await delay(20)
    assert.equal(o.counters.healthFailures, 1)
  })

  test('with max_fails 0 nothing is probed', async (t) => {
    const upstream = await startScripted(t, silent)
    const health = new Health(Transport.Udp, options(upstream, { maxFails: 0 }))
    const probed = new Health(Transport.Udp, options(upstream))
    health.suspect()
    probed.suspect()
    await upstream.waitFor(1)
    assert.equal(upstream.asked.length, 1)
    probed.close()
  })

  /** What an upstream may say that is no sound reply to the probe. */
  const unsound: Readonly<Record<string, (query: Buffer) => Buffer>> = {
    'another name': (query) => {
      const name = Buffer.from([1, 0x61, 0])
      return Buffer.concat([answerTo(query).subarray(0, 12), name, query.subarray(13)])
    },
    'another type': (query) => {
      const reply = answerTo(query)
      reply[questionOf(query).nameEnd + 1]! ^= 1
      return reply
    },
    'another id': (query) => {
      const reply = answerTo(query)
      reply[0]! ^= 1
      return reply
    },
    'a query': (query) => answerTo(query, 0x0100),
    'a cut record': (query) => answerTo(query).subarray(0, -3),
    'a header alone': (query) => answerTo(query).subarray(0, 12),
    'no question and no error': (query) => answerTo(query, 0x8180, 0).fill(0, 4, 6).subarray(0, 12),
    'a name that loops': (query) => {
      const reply = answerTo(query)
      const { end } = questionOf(query)
      reply.writeUInt16BE(0xc000 | end, end)
      return reply
    },
    'eleven octets': (query) => answerTo(query).subarray(0, 11),
  }
  const sound: Readonly<Record<string, (query: Buffer) => Buffer>> = {
    'an answer': answerTo,
    NODATA: (query) => answerTo(query, 0x8180, 0),
    NXDOMAIN: (query) => answerTo(query, 0x8183, 0),
    SERVFAIL: (query) => answerTo(query, 0x8182, 0),
    REFUSED: (query) => answerTo(query, 0x8185, 0),
    'NOTIMP with OPT': (query) => withOpt(answerTo(query, 0x8184, 0)),
    'another opcode': (query) => answerTo(query, 0x9180),
    'a bare FORMERR': (query) => answerTo(query, 0x8181, 0).fill(0, 4, 6).subarray(0, 12),
    'fewer records than it counts': (query) => answerTo(query).fill(9, 6, 8),
    'ARCOUNT of the query, and no record': (query) => answerTo(query).fill(1, 11, 12),
    'more octets than it counts': (query) => Buffer.concat([answerTo(query), Buffer.alloc(9)]),
  }
  for (const transport of [Transport.Udp, Transport.Tcp]) {
    const over = transport === Transport.Tcp ? 'tcp' : 'udp'
    for (const [what, make] of Object.entries({ ...sound, ...unsound })) {
      const alive = what in sound
      test(`${what} over ${over}: ${alive ? 'alive' : 'not alive'}`, async (t) => {
        const upstream = await startScripted(t, ({ wire, reply }) => reply(make(wire)))
        assert.equal(await outcome(upstream, transport), alive)
      })
    }
  }

  for (const [what, make] of [
    ['a truncated reply', (query: Buffer) => answerTo(query, 0x8380, 0)],
    ['one that is cut as well', (query: Buffer) => answerTo(query, 0x8380).subarray(0, -3)],
  ] as const) {
    test(`${what} over udp: alive`, async (t) => {
      const upstream = await startScripted(t, ({ wire, reply }) => reply(make(wire)))
      assert.ok(await outcome(upstream, Transport.Udp))
    })
  }

  test('a datagram that is cut is asked for over TCP, as a query would be', async (t) => {
    const upstream = await startScripted(t, ({ over, wire, reply }) => {
      reply(over === 'tcp' ? answerTo(wire) : unsound['a cut record']!(wire))
    })
    assert.ok(await outcome(upstream, Transport.Udp))
    assert.deepEqual(
      upstream.asked.map(({ over }) => over),
      ['udp', 'tcp'],
    )
  })

  test('what is not the answer does not hide the answer behind it', async (t) => {
    const upstream = await startScripted(t, ({ wire, reply }) => {
      reply(unsound['another type']!(wire))
      reply(answerTo(wire))
    })
    assert.ok(await outcome(upstream, Transport.Udp))
  })

  test('a reply over TCP may come in pieces', async (t) => {
    const upstream = await startScripted(t, ({ wire, socket }) => {
      const frame = framed(answerTo(wire))
      socket!.setNoDelay(true)
      for (const octet of frame) socket!.write(Buffer.from([octet]))
    })
    assert.ok(await outcome(upstream, Transport.Tcp))
  })

  test('garbage is no answer', async (t) => {
    const upstream = await startScripted(t, ({ reply }) => reply(Buffer.alloc(20)))
    const o = options(upstream)
    const health = new Health(Transport.Tcp, o)
    health.suspect()
    await eventually(() => o.counters.healthFailures === 1, 'a failure')
    health.close()
  })

  test('close() ends a probe under way', async (t) => {
    const upstream = await startScripted(t, silent)
    const o = options(upstream)
    const health = new Health(Transport.Tcp, o)
    health.suspect()
    await upstream.waitFor(1)
    health.close()
    await eventually(() => upstream.open === 0, 'closed')
    health.suspect()
    assert.equal(o.counters.healthFailures, 0)
  })
})
