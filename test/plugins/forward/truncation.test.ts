import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Flag, Rcode } from '../../../src/wire/codes.ts'
import { questionOf } from '../../wire/message.ts'
import { answerTo, eventually, startScripted, type Script } from '../../upstream/scripted.ts'
import { Front } from './harness.ts'

const RECORDS = 60

/** What servers make of an answer that is too long for a datagram, but for TC. */
const datagrams: Readonly<Record<string, (query: Buffer) => Buffer>> = {
  'TC, no records': (query) => answerTo(query, 0x8380, 0),
  'TC, some records': (query) => answerTo(query, 0x8380, 30),
  'TC, and cut inside a record': (query) => answerTo(query, 0x8380, RECORDS).subarray(0, 512),
  'cut inside a record': (query) => answerTo(query, 0x8180, RECORDS).subarray(0, 512),
  'cut inside the first record': (query) =>
    answerTo(query, 0x8180, RECORDS).subarray(0, questionOf(query).end + 5),
  'cut in an owner name': (query) =>
    answerTo(query, 0x8180, RECORDS).subarray(0, questionOf(query).end + 33),
  'cut between records': (query) =>
    answerTo(query, 0x8180, RECORDS).subarray(0, questionOf(query).end + 160),
  'no records, and the counts of all': (query) =>
    answerTo(query, 0x8180, RECORDS).subarray(0, questionOf(query).end),
  'one octet less than all': (query) => answerTo(query, 0x8180, RECORDS).subarray(0, -1),
  'cut inside the question': (query) => answerTo(query, 0x8180, RECORDS).subarray(0, 20),
  'a header alone': (query) => answerTo(query, 0x8180, RECORDS).subarray(0, 12),
  'NXDOMAIN, and cut': (query) => answerTo(query, 0x8183, RECORDS).subarray(0, 512),
}

/** A reply with another count at `offset` of its header. */
function count(reply: Buffer, offset: number, value: number): Buffer {
  reply.writeUInt16BE(value, offset)
  return reply
}

const overTcp: Script = ({ over, reply, wire }) => {
  if (over === 'tcp') reply(answerTo(wire, 0x8180, RECORDS))
}

describe('a datagram that does not hold the whole answer', { concurrency: 4 }, () => {
  for (const [what, make] of Object.entries(datagrams)) {
    test(`${what}: asked again over TCP, once`, async (t) => {
      const upstream = await startScripted(t, (asked, n) => {
        if (asked.over === 'udp') asked.reply(make(asked.wire))
        else overTcp(asked, n)
      })
      const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
      const found = await front.ask('many.test', { edns: true })
      assert.equal(found.rcode, Rcode.NoError)
      assert.equal(found.records.answerCount, RECORDS)
      assert.equal(found.flags & Flag.TC, 0)
      assert.deepEqual(
        upstream.asked.map(({ over }) => over),
        ['udp', 'tcp'],
      )
    })

    test(`${what}: with TCP refused, the whole records where there is a question`, async (t) => {
      const upstream = await startScripted(t, ({ over, reply, socket, wire }) => {
        if (over === 'udp') reply(make(wire))
        else socket!.destroy()
      })
      const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
      const found = await front.ask('many.test', { edns: true })
      assert.ok(found.took < 4000, `took ${found.took}: until the client's patience is over`)
      const datagram = make(upstream.asked[0]!.wire)
      const { end } = questionOf(upstream.asked[0]!.wire)
      if (datagram.length < end) {
        assert.equal(found.rcode, Rcode.ServFail)
        return
      }
      // One that ends behind a record may be all that its server has to say.
      const saysSo = (datagram.readUInt16BE(2) & Flag.TC) !== 0
      const between = (datagram.length - end) % 16 === 0
      assert.equal((found.flags & Flag.TC) === 0, between && !saysSo)
      const whole = Math.floor((datagram.length - end) / 16)
      assert.equal(found.records.answerCount, whole)
    })
  }

  test('TC, and TCP is silent: the records that came, a second later, but not to who asked over TCP', async (t) => {
    const upstream = await startScripted(t, ({ over, reply, wire }) => {
      if (over === 'udp') reply(answerTo(wire, 0x8380, 30))
      else if (wire.includes('slow')) setTimeout(() => reply(answerTo(wire, 0x8180, 30)), 1050)
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nprefer_udp\n}`)
    const [partial, whole] = await Promise.all([
      front.ask('many.test', { edns: true }),
      front.ask('slow.test', { over: 'tcp' }),
    ])
    assert.deepEqual([partial.records.answerCount, partial.flags & Flag.TC], [30, Flag.TC])
    assert.ok(partial.took < 3000, `took ${partial.took}: until the client's patience is over`)
    assert.deepEqual([whole.records.answerCount, whole.flags & Flag.TC], [30, 0])
  })

  for (const [what, make, answers] of [
    ['ARCOUNT copied from the query', (query: Buffer) => count(answerTo(query), 10, 1), 1],
    ['the same, NXDOMAIN', (query: Buffer) => count(answerTo(query, 0x8183, 0), 10, 1), 0],
    ['authority that is not there', (query: Buffer) => count(answerTo(query), 8, 2), 1],
  ] as const) {
    test(`${what}: given as it is, and TCP is not asked`, async (t) => {
      const upstream = await startScripted(t, ({ reply, wire }) => reply(make(wire)))
      const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
      for (const over of ['udp', 'tcp'] as const) {
        const found = await front.ask(`${over}.test`, { edns: true, over })
        assert.equal(found.rcode, make(upstream.asked[0]!.wire)[3]! & 15)
        assert.equal(found.records.answerCount, answers)
        assert.equal(found.flags & Flag.TC, 0)
      }
      assert.deepEqual(
        upstream.asked.map(({ over }) => over),
        ['udp', 'tcp'],
      )
    })
  }

  test('more answers counted than there are, over TCP as well: those are all', async (t) => {
    const upstream = await startScripted(t, ({ reply, wire }) => reply(count(answerTo(wire), 6, 9)))
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const found = await front.ask('few.test')
    assert.deepEqual([found.rcode, found.records.answerCount], [Rcode.NoError, 1])
    assert.equal(found.flags & Flag.TC, 0)
    assert.deepEqual(
      upstream.asked.map(({ over }) => over),
      ['udp', 'tcp'],
    )
  })

  test('REFUSED to a query with OPT, with its ARCOUNT and no record: asked without OPT', async (t) => {
    const upstream = await startScripted(t, ({ reply, wire }) => {
      const hasOpt = wire[11] === 1
      reply(hasOpt ? count(answerTo(wire, 0x8185, 0), 10, 1) : answerTo(wire))
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const found = await front.ask('old.test', { edns: true })
    assert.deepEqual([found.rcode, found.records.answerCount], [Rcode.NoError, 1])
  })

  test('a reply that is broken otherwise is not asked for over TCP', async (t) => {
    const upstream = await startScripted(t, ({ reply, wire }) => {
      const { end } = questionOf(wire)
      const looping = answerTo(wire, 0x8180, RECORDS).subarray(0, 512)
      looping.writeUInt16BE(0xc000 | end, end)
      reply(looping)
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
    assert.equal((await front.ask('many.test', { edns: true })).rcode, Rcode.ServFail)
    assert.ok(upstream.asked.every(({ over }) => over === 'udp'))
  })

  test('a late one is asked for over TCP as well, and nothing is counted twice', async (t) => {
    const upstream = await startScripted(t, () => {})
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
    const reply = front.ask('many.test', { edns: true })
    await upstream.waitFor(2)
    upstream.script = overTcp
    const [first] = upstream.asked
    first!.reply(datagrams['cut inside a record']!(first!.wire))
    assert.equal((await reply).records.answerCount, RECORDS)
    await eventually(() => upstream.asked.length === 3, 'one query over TCP')
  })
})
