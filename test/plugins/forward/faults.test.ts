import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { write16 } from '../../../src/wire/bytes.ts'
import { Ede, Flag, OPCODE_MASK, Rcode, Type } from '../../../src/wire/codes.ts'
import { upstreamCounters } from '../../../src/upstream/counters.ts'
import { message, opt, questionOf } from '../../wire/message.ts'
import {
  answerTo,
  type Asked,
  eventually,
  framed,
  honest,
  silent,
  startScripted,
} from '../../upstream/scripted.ts'
import { Front } from './harness.ts'

const counters = (port: number) => upstreamCounters.get(`127.0.0.1:${port}`)

/** What an upstream may say to a query instead of answering it, where that cannot be told by the id. */
const nameless: Readonly<Record<string, (query: Buffer) => Buffer>> = {
  'a wrong id': (query) => {
    const reply = answerTo(query)
    write16(reply, 0, reply.readUInt16BE(0) ^ 0x8421)
    return reply
  },
  'eleven octets': (query) => answerTo(query).subarray(0, 11),
  'no octets': () => Buffer.alloc(0),
}

/** The same under the query's id. */
const garbage: Readonly<Record<string, (query: Buffer) => Buffer>> = {
  'another name': (query) => {
    const reply = answerTo(query)
    reply[13]! ^= 1
    return reply
  },
  'another type': (query) => {
    const reply = answerTo(query)
    write16(reply, questionOf(query).nameEnd, Type.MX)
    return reply
  },
  'a query': (query) => answerTo(query, 0x0100, 0),
  'NOERROR without a question': (query) => {
    const reply = answerTo(query, 0x8180, 0).subarray(0, 12)
    write16(reply, 4, 0)
    return reply
  },
}

/** Replies that end too early: over UDP such a one counts as truncated. */
const cutShort: Readonly<Record<string, (query: Buffer) => Buffer>> = {
  'half a record': (query) => answerTo(query).subarray(0, -5),
}

/** Replies to the right question that cannot be used. */
const broken: Readonly<Record<string, (query: Buffer) => Buffer>> = {
  'a compression loop': (query) => {
    const { end } = questionOf(query)
    const reply = answerTo(query)
    write16(reply, end, 0xc000 | end)
    return reply
  },
  'SERVFAIL without a question': (query) => {
    const reply = answerTo(query, 0x8182, 0).subarray(0, 12)
    write16(reply, 4, 0)
    return reply
  },
  'an extended rcode': (query) => {
    const o = { name: 'victim.test', flags: 0x8180, additional: [opt({ extendedRcode: 1 })] }
    return message({ ...o, id: query.readUInt16BE(0) })
  },
}

const overs = ['udp', 'tcp'] as const

describe('an upstream that sends garbage', { concurrency: 4 }, () => {
  for (const over of overs) {
    for (const [what, make] of Object.entries({ ...nameless, ...garbage })) {
      test(`${what} over ${over} is counted, stops nobody, and the answer right behind it counts`, async (t) => {
        const upstream = await startScripted(t, ({ reply, wire }) => {
          if (wire.includes('victim')) reply(make(wire))
          reply(answerTo(wire))
        })
        const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
        const names = ['victim.test', 'a.test', 'b.test']
        const replies = await Promise.all(names.map((name) => front.ask(name, { over })))
        for (const reply of replies) assert.equal(reply.records.answerCount, 1)
        assert.ok(counters(upstream.port).mismatches >= 1)
      })
    }
    for (const [what, make] of Object.entries(
      over === 'tcp' ? { ...nameless, ...garbage } : garbage,
    )) {
      test(`${what} over ${over} and nothing else: another attempt, then SERVFAIL`, async (t) => {
        const upstream = await startScripted(t, ({ reply, wire }) => reply(make(wire)))
        const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
        const failed = await front.ask('victim.test', { over, edns: true })
        assert.deepEqual([failed.rcode, failed.ede], [Rcode.ServFail, Ede.InvalidData])
        assert.equal(upstream.asked.length, 2)
        upstream.script = honest
        const names = Array.from({ length: 10 }, (_, i) => `name-${i}.test`)
        const replies = await Promise.all(names.map((name) => front.ask(name, { over })))
        for (const reply of replies) assert.equal(reply.records.answerCount, 1)
      })
    }
    for (const [what, make] of Object.entries(
      over === 'tcp' ? { ...cutShort, ...broken } : broken,
    )) {
      test(`${what} over ${over} is not passed on; another attempt is`, async (t) => {
        const upstream = await startScripted(t, ({ wire, reply }, n) =>
          reply(n === 1 ? make(wire) : answerTo(wire)),
        )
        // Health checks, which a slow machine brings about, would be counted too.
        const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
        assert.equal((await front.ask('victim.test', { over })).records.answerCount, 1)
        upstream.script = ({ wire, reply }) => reply(make(wire))
        const failed = await front.ask('victim.test', { over, edns: true })
        assert.equal(failed.rcode, Rcode.ServFail)
        assert.equal(failed.ede, Ede.InvalidData)
        assert.equal(failed.error, `read ${over} 127.0.0.1:${upstream.port}: broken reply`)
        assert.equal(upstream.asked.length, 4, 'two attempts each')
      })
    }
  }

  test("another opcode in the answer is the server's mistake, and is not passed on", async (t) => {
    const upstream = await startScripted(t, ({ wire, reply }) => reply(answerTo(wire, 0xa980)))
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    for (const over of overs) {
      const reply = await front.ask('update.test', { over })
      assert.deepEqual([reply.flags & OPCODE_MASK, reply.records.answerCount], [0, 1])
    }
  })

  test('every hostile reply of the corpus leaves the client with an answer', async (t) => {
    const folder = `${import.meta.dirname}/../../corpus`
    const files = readdirSync(folder).filter((file) => file.startsWith('reply-'))
    let hostile = Buffer.alloc(0)
    const upstream = await startScripted(t, ({ wire, reply }) => {
      const copy = Buffer.from(hostile)
      if (copy.length >= 2) write16(copy, 0, wire.readUInt16BE(0))
      reply(copy)
      reply(answerTo(wire))
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    for (const file of files) {
      const text = readFileSync(`${folder}/${file}`, 'utf8').replace(/#.*$/gm, '')
      hostile = Buffer.from(text.replace(/\s/g, ''), 'hex')
      for (const over of overs) {
        const reply = await front.ask('sane.test', { over })
        assert.equal(reply.records.answerCount, 1, file)
      }
    }
  })

  test('a truncated reply over TCP is passed on as what it is', async (t) => {
    const upstream = await startScripted(t, ({ wire, reply }) => reply(answerTo(wire, 0x8380)))
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    for (const over of overs) {
      const reply = await front.ask('victim.test', { over })
      assert.deepEqual([reply.flags & Flag.TC, reply.records.answerCount], [Flag.TC, 1])
    }
  })

  test('65,535 octets of noise are counted, then the connection goes on', async (t) => {
    const upstream = await startScripted(t, ({ wire, reply }) => {
      const noise = Buffer.alloc(65_535, 0xab)
      noise[2] = 0x81
      reply(noise)
      reply(answerTo(wire))
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    assert.equal((await front.ask('victim.test', { over: 'tcp' })).records.answerCount, 1)
    assert.equal(counters(upstream.port).mismatches, 1)
  })

  test('a reply of 65,535 octets reaches the client whole', async (t) => {
    const upstream = await startScripted(t, ({ wire, reply }) => {
      const { end } = questionOf(wire)
      const size = 65_535 - end - 12
      const head = answerTo(wire).subarray(0, end + 12)
      write16(head, end + 2, Type.TXT)
      write16(head, end + 10, size)
      reply(Buffer.concat([head, Buffer.alloc(size)]))
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const reply = await front.ask('large.test', { over: 'tcp' })
    assert.equal(reply.wire.length, 65_535)
  })
})

describe('an upstream that closes connections', () => {
  test('mid-answer on a fresh connection: another attempt, then the error', async (t) => {
    const upstream = await startScripted(t, ({ wire, socket }) => {
      socket!.end(framed(answerTo(wire)).subarray(0, 20))
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
    const reply = await front.ask('victim.test', { over: 'tcp', edns: true })
    assert.equal(reply.rcode, Rcode.ServFail)
    assert.equal(reply.error, `read tcp 127.0.0.1:${upstream.port}: EOF`)
    assert.equal(reply.ede, Ede.NetworkError)
    assert.equal(upstream.asked.length, 2)
  })

  test('used before: everybody on it is asked again once, on a fresh dial', async (t) => {
    const upstream = await startScripted(t, honest)
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    await front.ask('first.test', { over: 'tcp' })
    // Both warm connections are up and seasoned.
    await eventually(() => upstream.open === 2, 'two connections')
    await Promise.all(
      ['a.test', 'b.test', 'c.test'].map((name) => front.ask(name, { over: 'tcp' })),
    )
    const before = upstream.asked.length
    const cut = new Set<number>()
    upstream.script = (asked) => {
      if (upstream.accepted > 2 && !cut.has(asked.port)) return honest(asked, 0)
      cut.add(asked.port)
      asked.socket!.resetAndDestroy()
    }
    const names = ['d.test', 'e.test', 'f.test', 'g.test']
    const replies = await Promise.all(names.map((name) => front.ask(name, { over: 'tcp' })))
    for (const reply of replies) assert.equal(reply.records.answerCount, 1)
    assert.ok(upstream.asked.length <= before + 2 * names.length)
  })

  test('while idle: the next query dials again and nobody notices', async (t) => {
    const upstream = await startScripted(t, honest)
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    await front.ask('first.test', { over: 'tcp' })
    await eventually(() => upstream.open === 2, 'two connections')
    upstream.asked[0]!.socket!.destroy()
    assert.equal((await front.ask('second.test', { over: 'tcp' })).records.answerCount, 1)
  })
})

describe('an upstream that is slow or silent', () => {
  test('a late answer is still an answer', async (t) => {
    const upstream = await startScripted(t, silent)
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    for (const over of overs) {
      const before = upstream.asked.length
      const reply = front.ask('slow.test', { over })
      await upstream.waitFor(before + 2)
      const first = upstream.asked[before]!
      first.reply(answerTo(first.wire))
      assert.equal((await reply).records.answerCount, 1)
    }
  })

  test('a retry over TCP takes another connection', async (t) => {
    const upstream = await startScripted(t, silent)
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const reply = front.ask('stuck.test', { over: 'tcp' })
    await upstream.waitFor(2)
    const [first, second] = upstream.asked
    assert.notEqual(first!.port, second!.port)
    second!.reply(answerTo(second!.wire))
    assert.equal((await reply).records.answerCount, 1)
  })

  test('two attempts, and SERVFAIL before the client has lost patience', async (t) => {
    const upstream = await startScripted(t, silent)
    for (const over of overs) {
      const before = upstream.asked.length
      const body = `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`
      const front = await Front.start(t, body)
      // The client asked 3.2 s ago: 1.2 s are left.
      const reply = await front.ask('dead.test', { over, age: 3200, edns: true })
      assert.equal(reply.rcode, Rcode.ServFail)
      assert.equal(reply.ede, Ede.NoReachableAuthority)
      const error = (reply.error ?? '').replace(/127\.0\.0\.1:\d+->/, '')
      assert.equal(error, `read ${over} 127.0.0.1:${upstream.port}: i/o timeout`)
      assert.ok(reply.took > 1100 && reply.took < 1800, `took ${reply.took}`)
      assert.equal(upstream.asked.length, before + 2)
      assert.equal(counters(upstream.port).inflight, 0)
    }
  })

  test('one slow query does not block the next: another connection opens', async (t) => {
    const slow: Asked[] = []
    const blocked = new Set<number>()
    const upstream = await startScripted(t, (asked) => {
      // As CoreDNS does: strictly in order on each connection.
      if (asked.wire.includes('external')) blocked.add(asked.port)
      if (blocked.has(asked.port)) slow.push(asked)
      else asked.reply(answerTo(asked.wire))
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    await front.ask('warm.cluster.local', { over: 'tcp' })
    const external = front.ask('external.test', { over: 'tcp' })
    await eventually(() => slow.length > 0, 'the slow query')
    for (let i = 0; i < 20; i++) {
      const reply = await front.ask(`name-${i}.cluster.local`, { over: 'tcp' })
      assert.equal(reply.records.answerCount, 1)
      assert.ok(reply.took < 1000, `name-${i} took ${reply.took}`)
    }
    for (const { reply, wire } of slow) reply(answerTo(wire))
    assert.equal((await external).records.answerCount, 1)
  })

  test('replies in any order find their queries', async (t) => {
    const held: Asked[] = []
    const upstream = await startScripted(t, (asked) => void held.push(asked))
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const names = Array.from({ length: 10 }, (_, i) => `name-${i}.test`)
    const replies = names.map((name) => front.ask(name, { over: 'tcp' }))
    await upstream.waitFor(10)
    for (const { reply, wire } of held.toReversed()) reply(answerTo(wire))
    const got = await Promise.all(replies)
    got.forEach((reply, i) => assert.ok(reply.wire.includes(`name-${i}`)))
  })
})

describe('a port that is closed', () => {
  for (const over of overs) {
    test(`over ${over}: two attempts with a pause, then SERVFAIL`, async (t) => {
      const upstream = await startScripted(t, honest)
      await upstream.close()
      const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
      const reply = await front.ask('dead.test', { over, edns: true })
      assert.equal(reply.rcode, Rcode.ServFail)
      assert.match(reply.error!, /connection refused$/)
      assert.equal(reply.ede, Ede.NetworkError)
      assert.ok(reply.took < 1000, `took ${reply.took}`)
    })

    test(`over ${over}: a storm of queries dials a few times, and recovers`, async (t) => {
      const upstream = await startScripted(t, honest)
      await upstream.close()
      const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
      const before = counters(upstream.port).dialled[over === 'tcp' ? 1 : 0]!
      const names = Array.from({ length: 500 }, (_, i) => `name-${i}.test`)
      await Promise.all(names.map((name) => front.ask(name, { over })))
      const dials = counters(upstream.port).dialled[over === 'tcp' ? 1 : 0]! - before
      assert.ok(dials < 40, `${dials} dials`)
      const again = await startScripted(t, honest, upstream.port)
      const reply = await front.ask('back.test', { over })
      assert.equal(reply.records.answerCount, 1)
      assert.equal(again.asked.length, 1)
    })
  }
})
