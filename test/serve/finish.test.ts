import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import DNS from 'dns2'
import fc from 'fast-check'
import { makeFinish, scanReply, shortenedReplies } from '../../src/serve/finish.ts'
import { NO_EDE, Outcome, Protocol, type Query } from '../../src/serve/query.ts'
import { Ede, Flag, Rcode, Type } from '../../src/wire/codes.ts'
import { readFlags } from '../../src/wire/header.ts'
import {
  a,
  message,
  opt,
  option,
  recordsOf,
  soa,
  type TestMessage,
  type TestRecord,
} from '../wire/message.ts'
import { accepted, FakeTarget } from './fake-target.ts'

const finish = makeFinish([])

function ede(code: number): Buffer {
  return option(15, Buffer.from([code >> 8, code & 0xff]))
}

/** Puts a message where a plugin would. */
function produce(q: Query, produced: Buffer): void {
  q.outLength = produced.copy(q.reserve())
  q.outcome = Outcome.Message
}

interface Client extends TestMessage {
  readonly protocol?: Protocol
  readonly maxSize?: number
}

/** What a client gets of a message; `prepare` may do what a plugin would do with it. */
function reply(client: Client, produced: Buffer, prepare?: (q: Query) => unknown): Buffer {
  const target = new FakeTarget(client.protocol, client.maxSize)
  const q = accepted(message({ id: 7, flags: Flag.RD, ...client }), target)
  produce(q, produced)
  prepare?.(q)
  finish(q)
  assert.equal(target.sent.length, 1)
  return target.sent[0]!
}

const answer = [a('www.example.com')]

describe('a message becomes the reply to its client', () => {
  test('with the id and the letter case of the query', () => {
    const stored = message({ id: 0, name: 'www.example.com', answer })
    const got = reply({ name: 'WWW.example.COM' }, stored)
    assert.deepEqual(got, message({ id: 7, name: 'WWW.example.COM', answer }))
  })

  test('with RD and CD of the query, AA, TC, RA and rcode of the message, and no Z', () => {
    const all = Flag.QR | Flag.AA | Flag.TC | Flag.RD | Flag.RA | Flag.Z | Flag.CD
    for (const asked of [0, Flag.RD, Flag.CD, Flag.RD | Flag.CD, Flag.Z | Flag.TC | Flag.RA]) {
      const echoed = asked & (Flag.RD | Flag.CD)
      const full = reply({ flags: asked }, message({ flags: all | Rcode.NXDomain }))
      const expected = Flag.QR | Flag.AA | Flag.TC | Flag.RA | echoed | Rcode.NXDomain
      assert.equal(readFlags(full), expected)
      assert.equal(readFlags(reply({ flags: asked }, message({ flags: 0 }))), Flag.QR | echoed)
    }
  })

  test('with AD only where the client asked with AD or DO', () => {
    const secure = message({ flags: Flag.QR | Flag.AD, answer })
    const dnssec = [opt({ dnssecOk: true })]
    const hasAd = (client: Client, produced = secure): boolean =>
      (readFlags(reply(client, produced)) & Flag.AD) !== 0
    assert.equal(hasAd({}), false)
    assert.equal(hasAd({ additional: [opt()] }), false)
    assert.equal(hasAd({ flags: Flag.AD }), true)
    assert.equal(hasAd({ additional: dnssec }), true)
    assert.equal(hasAd({ flags: Flag.AD, additional: dnssec }, message({ answer })), false)
  })

  test('and tells observers its rcode', () => {
    const q = accepted(message({ flags: Flag.RD }))
    produce(q, message({ flags: Flag.QR | Rcode.NXDomain }))
    finish(q)
    assert.equal(q.rcode, Rcode.NXDomain)
  })
})

describe('OPT', () => {
  const stored = message({ answer })

  test('is missing where the query had none, whatever there is to say', () => {
    assert.deepEqual(
      reply({}, stored, (q) => (q.ede = Ede.StaleAnswer)),
      message({ id: 7, flags: 0x8180, answer }),
    )
  })

  test('is our own: size 1232, version 0, DO of the client, none of its options', () => {
    const options = Buffer.concat([option(10, Buffer.alloc(8)), option(12, Buffer.alloc(50))])
    for (const dnssecOk of [false, true]) {
      const got = reply({ additional: [opt({ size: 4096, dnssecOk, options })] }, stored)
      const additional = [opt({ size: 1232, dnssecOk })]
      assert.deepEqual(got, message({ id: 7, flags: 0x8180, answer, additional }))
    }
  })

  test('carries the extended error', () => {
    const got = reply({ additional: [opt()] }, stored, (q) => (q.ede = Ede.StaleAnswer))
    const additional = [opt({ options: ede(3) })]
    assert.deepEqual(got, message({ id: 7, flags: 0x8180, answer, additional }))
  })

  test('follows the additional records of the message', () => {
    const got = reply({ additional: [opt()] }, message({ additional: answer }))
    assert.deepEqual(got, message({ id: 7, flags: 0x8180, additional: [...answer, opt()] }))
  })
})

describe('size', () => {
  /** A headless service: 200 addresses, about 6,200 octets. */
  const many = message({ answer: Array.from({ length: 200 }, () => a('www.example.com')) })
  const perRecord = (many.length - message({}).length) / 200
  /** The reply with as many whole records as `room` octets hold. */
  const shortened = (room: number, additional: TestRecord[] = []): Buffer => {
    const kept = Math.floor((room - message({ additional }).length) / perRecord)
    const records = Array.from({ length: kept }, () => a('www.example.com'))
    return message({ id: 7, flags: 0x8380, answer: records, additional })
  }

  test('is 512 octets over UDP without EDNS', () => {
    assert.deepEqual(reply({}, many), shortened(512))
  })

  test('is what the client advertised, OPT included', () => {
    for (const size of [512, 1231, 1232]) {
      const before = shortenedReplies.count
      const got = reply({ additional: [opt({ size })] }, many)
      assert.equal(shortenedReplies.count, before)
      assert.deepEqual(got, shortened(size, [opt()]))
      assert.ok(got.length <= size && got.length > size - perRecord)
    }
  })

  test('is 512 where the client advertised less', () => {
    assert.deepEqual(reply({ additional: [opt({ size: 100 })] }, many), shortened(512, [opt()]))
  })

  test('is 1,232 over UDP where the client advertised more, which is counted', () => {
    for (const size of [1233, 4096, 65_535]) {
      const before = shortenedReplies.count
      assert.deepEqual(reply({ additional: [opt({ size })] }, many), shortened(1232, [opt()]))
      assert.equal(shortenedReplies.count, before + 1)
      reply({ additional: [opt({ size })] }, message({ answer }))
      reply({ protocol: Protocol.Tcp, additional: [opt({ size })] }, many)
      assert.equal(shortenedReplies.count, before + 1)
    }
  })

  test('is bounded by what the socket can carry', () => {
    const got = reply({ maxSize: 700, additional: [opt({ size: 4096 })] }, many)
    assert.deepEqual(got, shortened(700, [opt()]))
  })

  test('is no matter over TCP', () => {
    const got = reply({ protocol: Protocol.Tcp, additional: [opt({ size: 512 })] }, many)
    assert.equal(recordsOf(got).answerCount, 200)
    assert.equal(readFlags(got) & Flag.TC, 0)
  })

  test('leaves room for OPT in the longest message over TCP', () => {
    const filler = { name: '.', type: Type.NULL, data: Buffer.alloc(0) }
    const room = 65_535 - message({ additional: [filler] }).length
    const longest = message({ additional: [{ ...filler, data: Buffer.alloc(room) }] })
    const tcp = { protocol: Protocol.Tcp }
    assert.equal(reply(tcp, longest).length, 65_535)
    const got = reply({ ...tcp, additional: [opt()] }, longest)
    assert.deepEqual(got, message({ id: 7, flags: 0x8180, additional: [opt()] }))
  })

  test('costs extended errors, and their texts, before it costs a record', () => {
    const base = message({ additional: [opt()] }).length
    const client = { additional: [opt({ size: 512 })] }
    const bogus = (text: string): Buffer => option(15, Buffer.from(`\0\x06${text}`))
    for (const [room, options] of [
      [0, Buffer.alloc(0)],
      [5, Buffer.alloc(0)],
      [6, ede(3)],
      [12, Buffer.concat([bogus(''), ede(3)])],
      [15, Buffer.concat([bogus('why'), ede(3)])],
    ] as const) {
      const text = { name: '.', type: Type.TXT, data: Buffer.alloc(512 - base - 11 - room) }
      const produced = message({ answer: [text], additional: [opt({ options: bogus('why') })] })
      const got = reply(client, produced, (q) => {
        scanReply(q)
        q.ede = Ede.StaleAnswer
      })
      const additional = [opt({ options })]
      assert.deepEqual(
        got,
        message({ id: 7, flags: 0x8180, answer: [text], additional }),
        `${room}`,
      )
    }
  })

  test('is that of a stream over TCP, for extended errors too', () => {
    const options = option(15, Buffer.from(`\0\x06${'w'.repeat(2000)}`))
    const produced = message({ answer, additional: [opt({ options })] })
    const got = reply(
      { protocol: Protocol.Tcp, additional: [opt({ size: 512 })] },
      produced,
      scanReply,
    )
    assert.deepEqual(got, message({ id: 7, flags: 0x8180, answer, additional: [opt({ options })] }))
  })

  test('costs additional records first, without TC', () => {
    const additional = Array.from({ length: 40 }, (_, i) => a(`x${i}`))
    const got = reply({}, message({ answer, additional }))
    assert.equal(readFlags(got) & Flag.TC, 0)
    assert.equal(recordsOf(got).answerCount, 1)
    assert.ok(got.length > 450)
  })

  test('uses the scan of whoever made the message', () => {
    const got = reply({}, many, (q) => {
      assert.notEqual(scanReply(q), null)
      // Without it, a broken last record would now be found.
      q.out.writeUInt16BE(0xffff, q.outLength - 6)
    })
    assert.deepEqual(got, shortened(512))
  })

  test('leaves room for options of the reply, unless they leave none for a record', () => {
    const options = option(3, Buffer.alloc(60, 7))
    const asked = { additional: [opt({ size: 512 })] }
    const got = reply(asked, many, (q) => (q.replyOptions = options))
    assert.ok(got.length <= 512 && got.includes(options))
    assert.ok(recordsOf(got).answerCount > 0)
    const long = option(3, Buffer.alloc(480, 7))
    const without = reply(asked, many, (q) => (q.replyOptions = long))
    assert.deepEqual(without, reply(asked, many))
    const told = reply(asked, message({ answer }), (q) => {
      q.replyOptions = options
      q.ede = Ede.Blocked
    })
    assert.ok(told.includes(Buffer.concat([ede(Ede.Blocked), options])))
  })

  test('is as long over UDP as a plugin allows', () => {
    const long = message({ answer: Array.from({ length: 200 }, () => a('a')) })
    const client = { additional: [opt({ size: 4096 })] }
    const longest = (size: number): number =>
      reply(client, long, (q) => (q.maxUdpSize = size)).length
    assert.ok(longest(4096) > 3000)
    assert.ok(longest(600) <= 600)
  })

  test('turns what cannot be shortened into SERVFAIL', () => {
    const cut = message({ answer: [{ ...answer[0]!, data: Buffer.alloc(600) }] })
    assert.deepEqual(reply({}, cut), message({ id: 7, flags: 0x8102 }))
    const got = reply({ additional: [opt()] }, Buffer.concat([cut, Buffer.alloc(900)]))
    const additional = [opt({ options: ede(Ede.InvalidData) })]
    assert.deepEqual(got, message({ id: 7, flags: 0x8102, additional }))
  })

  test('is kept for any message and client, in replies that dns2 reads', () => {
    const text = fc.nat(300).map((n) => ({ name: 'x', type: Type.NULL, data: Buffer.alloc(n) }))
    const section = fc.array(text, { maxLength: 8 })
    const edns = fc.option(fc.nat(2000), { nil: null })
    fc.assert(
      fc.property(
        section,
        section,
        edns,
        fc.integer({ min: -1, max: 24 }),
        (an, ar, size, code) => {
          const additional = size === null ? [] : [opt({ size })]
          const produced = message({ answer: an, additional: ar })
          const got = reply({ additional }, produced, (q) => (q.ede = code))
          const limit = Math.min(Math.max(size ?? 0, 512), 1232)
          assert.ok(got.length <= limit)
          const parsed = DNS.Packet.parse(got)
          assert.deepEqual(parsed.errors, [])
          const rest = recordsOf(got).additionalCount - additional.length
          const inParts = rest > 0 && rest < ar.length
          assert.equal(parsed.header.tc === 1, parsed.answers.length < an.length || inParts)
          const hasRoom = got.length + 6 <= limit
          if (size === null) assert.equal(recordsOf(got).ede, NO_EDE)
          else if (recordsOf(got).ede !== code) assert.ok(!hasRoom)
          assert.equal(recordsOf(got).end, got.length)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('a failure becomes a reply', () => {
  function fail(client: TestMessage, rcode: number, code: number = NO_EDE): Buffer {
    const target = new FakeTarget()
    const q = accepted(message({ id: 7, flags: Flag.RD, ...client }), target)
    q.fail(rcode, 'why', code)
    finish(q)
    return target.sent[0]!
  }

  test('with question and rcode, and without AA and RA', () => {
    assert.deepEqual(
      fail({ name: 'WWW.example', flags: Flag.RD | Flag.CD | Flag.AD }, Rcode.ServFail),
      message({ id: 7, name: 'WWW.example', flags: Flag.QR | Flag.RD | Flag.CD | Rcode.ServFail }),
    )
  })

  test('with OPT and the extended error where the query had OPT', () => {
    const got = fail({ additional: [opt({ dnssecOk: true })] }, Rcode.Refused, Ede.Prohibited)
    const additional = [opt({ dnssecOk: true, options: ede(18) })]
    assert.deepEqual(got, message({ id: 7, flags: 0x8105, additional }))
    assert.deepEqual(fail({}, Rcode.Refused, Ede.Prohibited), message({ id: 7, flags: 0x8105 }))
  })

  test('also where a plugin had begun a message', () => {
    const target = new FakeTarget()
    const q = accepted(message({ id: 7, flags: Flag.RD }), target)
    produce(q, message({ answer }))
    q.fail(Rcode.ServFail)
    finish(q)
    assert.deepEqual(target.sent, [message({ id: 7, flags: 0x8102 })])
  })
})

describe('makeFinish()', () => {
  test('tells observers in order, after the reply went out', () => {
    const target = new FakeTarget()
    const told: string[] = []
    const tell = makeFinish([
      (q) => told.push(`first ${target.sent.length} ${q.out.subarray(0, q.outLength).length}`),
      (q) => told.push(`second ${q.rcode} ${q.finished}`),
    ])
    const q = accepted(message({ flags: Flag.RD }), target)
    q.fail(Rcode.Refused)
    tell(q)
    assert.deepEqual(told, [`first 1 ${target.sent[0]!.length}`, 'second 5 true'])
  })

  test('drops without a reply, and tells that too', () => {
    const target = new FakeTarget()
    let told = -1
    const q = accepted(message({ flags: Flag.RD }), target)
    produce(q, message({ answer }))
    q.outcome = Outcome.Drop
    makeFinish([(dropped) => (told = dropped.outLength)])(q)
    assert.deepEqual([target.sent.length, target.dropped, told, q.finished], [0, 1, 0, true])
  })

  test('gives a kept query back once observers have seen it', () => {
    const q = accepted(message({ flags: Flag.RD })).keep()
    let seen = 0
    q.fail(Rcode.Refused)
    makeFinish([(observed) => (seen = observed.out.length)])(q)
    assert.deepEqual([seen, q.out.length], [65_535, 0])
  })
})

describe('scanReply()', () => {
  function scan(produced: Buffer, before: number = NO_EDE): Query {
    const q = accepted(message({ flags: Flag.RD }))
    produce(q, produced)
    q.ede = before
    assert.equal(scanReply(q), q.records)
    return q
  }

  test('removes OPT and what follows the message', () => {
    const produced = message({ answer, additional: [a('x'), opt({ dnssecOk: true })] })
    const q = scan(Buffer.concat([produced, Buffer.from('trailing')]))
    const plain = message({ answer, additional: [a('x')] })
    assert.deepEqual(q.out.subarray(0, q.outLength), plain)
    assert.deepEqual([q.records!.count, q.records!.dnssecOk], [2, true])
  })

  test('takes over all extended errors, beside what we have to say', () => {
    const options = Buffer.concat([
      ede(Ede.Blocked),
      option(10, Buffer.alloc(8)),
      ede(Ede.Filtered),
    ])
    const produced = message({ answer, additional: [opt({ options })] })
    for (const own of [NO_EDE, Ede.StaleAnswer]) {
      const { errors, ede: code } = scan(produced, own)
      const got = errors.from.subarray(errors.at, errors.at + errors.size)
      assert.deepEqual([got, code], [Buffer.concat([ede(Ede.Blocked), ede(Ede.Filtered)]), own])
    }
    assert.equal(scan(message({ answer })).errors.size, 0)
  })

  test('makes SERVFAIL of an rcode that only OPT can carry', () => {
    for (const [rcode, name] of [
      [Rcode.BadVers, 'BADVERS'],
      [Rcode.BadCookie, 'BADCOOKIE'],
    ] as const) {
      const additional = [opt({ extendedRcode: rcode >> 4 })]
      const flags = Flag.QR | Flag.AA | (rcode & 15)
      const q = scan(message({ flags, authority: [soa('a', 1, 1)], additional }))
      assert.equal(readFlags(q.out), Flag.QR | Flag.AA | Rcode.ServFail, name)
      assert.equal(q.records!.rcode, Rcode.ServFail)
    }
  })

  test('is null for a message that cannot be parsed', () => {
    const q = accepted(message({ flags: Flag.RD }))
    const produced = message({ answer })
    produce(q, produced)
    q.outLength = produced.length - 1
    assert.equal(scanReply(q), null)
    assert.equal(q.records, null)
  })
})
