import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Rcode } from '../../../src/wire/codes.ts'
import { opt, questionOf, wireName } from '../../wire/message.ts'
import {
  answerTo,
  hasDnssecOk,
  hasOpt,
  type Script,
  startScripted,
  withOpt,
} from '../../upstream/scripted.ts'
import { Front } from './harness.ts'

const REFUSED_PLAIN = [0x8181, 0x8182, 0x8184, 0x8185] as const
const overs = ['udp', 'tcp'] as const

/** A server that knows EDNS. */
const knowing: Script = ({ reply, wire }) =>
  reply(hasOpt(wire) ? withOpt(answerTo(wire)) : answerTo(wire))

/** A resolver in front of many servers, of which those for names with "old" say this to OPT. */
function mixed(refuse: Script): Script {
  return (asked, n) => {
    const old = asked.wire.includes('old')
    if (old && hasOpt(asked.wire)) refuse(asked, n)
    else knowing(asked, n)
  }
}

/** A header without a question, as old servers answer what they cannot read. */
function bare(query: Buffer, flags: number): Buffer {
  const reply = answerTo(query, flags, 0).subarray(0, 12)
  reply.writeUInt16BE(0, 4)
  return reply
}

const refusals: Readonly<Record<string, Script>> = {
  FORMERR: ({ reply, wire }) => reply(answerTo(wire, 0x8181, 0)),
  'a bare FORMERR': ({ reply, wire }) => reply(bare(wire, 0x8181)),
  // What CoreDNS makes of it on its way.
  'FORMERR with OPT': ({ reply, wire }) => reply(withOpt(answerTo(wire, 0x8181, 0))),
  NOTIMP: ({ reply, wire }) => reply(answerTo(wire, 0x8184, 0)),
  'NOTIMP with OPT': ({ reply, wire }) => reply(withOpt(answerTo(wire, 0x8184, 0))),
  SERVFAIL: ({ reply, wire }) => reply(answerTo(wire, 0x8182, 0)),
  REFUSED: ({ reply, wire }) => reply(answerTo(wire, 0x8185, 0)),
}

describe('a name whose server refuses OPT', { concurrency: 4 }, () => {
  for (const over of overs) {
    for (const [what, refuse] of Object.entries(refusals)) {
      test(`${what} over ${over}: that question alone is asked again without`, async (t) => {
        const upstream = await startScripted(t, mixed(refuse))
        const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
        const ask = async (name: string, dnssecOk: boolean): Promise<string> => {
          const reply = await front.ask(name, { over, dnssecOk })
          assert.equal(reply.rcode, Rcode.NoError)
          assert.equal(reply.records.answerCount, 1)
          // By name, as a second attempt may arrive when the next name is asked for.
          const kinds = upstream.asked
            .filter(({ wire }) => wire.includes(wireName(name)))
            .map(({ wire }) => (hasDnssecOk(wire) ? 'DO' : hasOpt(wire) ? 'OPT' : 'plain'))
          // A slow machine brings about a second attempt, which is asked no differently.
          return [...new Set(kinds)].join(' ')
        }
        assert.equal(await ask('signed1.test', true), 'DO')
        for (let i = 0; i < 5; i++) {
          assert.equal(await ask(`old${i}.test`, false), 'OPT plain')
          assert.equal(await ask(`old${i}.signed.test`, true), 'DO plain')
          assert.equal(await ask(`new${i}.test`, false), 'OPT')
          assert.equal(await ask(`signed${i}.test`, true), 'DO')
        }
      })
    }
  }

  test('silence: the second attempt leaves OPT out, but for a client that set DO', async (t) => {
    const upstream = await startScripted(
      t,
      mixed(() => {}),
    )
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
    for (const over of overs) {
      await front.ask('signed.test', { over, dnssecOk: true })
      for (let i = 0; i < 3; i++) {
        const reply = await front.ask(`old${i}.test`, { over })
        assert.equal(reply.records.answerCount, 1)
        assert.ok(reply.took < 1000, `took ${reply.took}`)
        await front.ask(`new${i}.test`, { over })
        assert.ok(hasOpt(upstream.asked.at(-1)!.wire))
      }
      const before = upstream.asked.length
      const reply = await front.ask('old.signed.test', { over, dnssecOk: true, age: 3400 })
      assert.equal(reply.rcode, Rcode.ServFail)
      const asked = upstream.asked.slice(before).filter(({ wire }) => wire.includes('old'))
      assert.ok(asked.length > 1 && asked.every(({ wire }) => hasDnssecOk(wire)))
    }
  })

  test('asked first of all, it takes EDNS from nobody with DO, and from others for a second', async (t) => {
    const upstream = await startScripted(t, mixed(refusals['FORMERR']!))
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    await front.ask('old.test')
    await front.ask('new.test')
    assert.ok(!hasOpt(upstream.asked[2]!.wire))
    await front.ask('signed.test', { dnssecOk: true })
    assert.ok(hasDnssecOk(upstream.asked[3]!.wire))
    // That proved it.
    await front.ask('newer.test')
    assert.ok(hasOpt(upstream.asked[4]!.wire))
  })

  test('an error with and without OPT is the answer, and OPT is not given up', async (t) => {
    for (const flags of REFUSED_PLAIN) {
      const upstream = await startScripted(t, ({ wire, reply }) => reply(answerTo(wire, flags, 0)))
      const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
      assert.equal((await front.ask('odd.test')).rcode, flags & 15)
      assert.ok(upstream.asked.some(({ wire }) => !hasOpt(wire)))
      const before = upstream.asked.length
      await front.ask('odder.test')
      assert.ok(hasOpt(upstream.asked[before]!.wire), 'OPT is tried again')
    }
  })

  test('SERVFAIL and REFUSED of a server that knows EDNS are the answer at once', async (t) => {
    for (const flags of [0x8182, 0x8185]) {
      const upstream = await startScripted(t, ({ wire, reply }) =>
        reply(withOpt(answerTo(wire, flags, 0))),
      )
      const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
      assert.equal((await front.ask('odd.test')).rcode, flags & 15)
      assert.ok(upstream.asked.every(({ wire }) => hasOpt(wire)))
    }
  })
})

/** Servers that no query with OPT has an answer from. */
const withoutEdns: Readonly<Record<string, Script>> = {
  ...refusals,
  silence: () => {},
  'a reply that cannot be read': ({ reply, wire }) => {
    const looping = answerTo(wire)
    const { end } = questionOf(wire)
    looping.writeUInt16BE(0xc000 | end, end)
    reply(looping)
  },
}

describe('a server without EDNS', { concurrency: 4 }, () => {
  for (const [what, refuse] of Object.entries(withoutEdns)) {
    for (const over of overs) {
      test(`${what} over ${over}: answers come, and soon OPT is left out`, async (t) => {
        const upstream = await startScripted(t, (asked, n) => {
          if (hasOpt(asked.wire)) refuse(asked, n)
          else asked.reply(answerTo(asked.wire))
        })
        const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
        const first = await front.ask('first.test', { over })
        assert.equal(first.records.answerCount, 1)
        assert.ok(first.took < 1500, `took ${first.took}`)
        const before = upstream.asked.length
        // As long as it is asked without: a second passes when the test says so.
        front.clock.hold()
        for (let i = 0; i < 5; i++) {
          assert.equal((await front.ask(`n${i}.test`, { over })).records.answerCount, 1)
        }
        assert.equal(upstream.asked.length, before + 5)
        assert.ok(upstream.asked.slice(before).every(({ wire }) => !hasOpt(wire)))
        front.clock.goOn()
        // After a while one query finds out whether that is so still; nobody else waits for it.
        front.clock.pass(1100)
        const replies = await Promise.all(
          Array.from({ length: 5 }, (_, i) => front.ask(`m${i}.test`, { over })),
        )
        for (const reply of replies) assert.equal(reply.records.answerCount, 1)
        assert.equal(upstream.asked.slice(before).filter(({ wire }) => hasOpt(wire)).length, 1)
      })
    }
  }

  test('one that learns EDNS is believed', async (t) => {
    const upstream = await startScripted(t, mixed(refusals['FORMERR']!))
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    await front.ask('old.test')
    upstream.script = knowing
    front.clock.pass(1100)
    await front.ask('a.test')
    await front.ask('b.test')
    assert.deepEqual(
      upstream.asked.map(({ wire }) => hasOpt(wire)),
      [true, false, true, true],
    )
  })

  test('BADVERS and other extended rcodes prove no EDNS', async (t) => {
    const upstream = await startScripted(t, ({ wire, reply }) => {
      if (!hasOpt(wire)) return reply(answerTo(wire))
      const refusal = withOpt(answerTo(wire, 0x8180, 0))
      refusal[refusal.length - 6] = opt({ extendedRcode: 1 }).ttl! >>> 24
      reply(refusal)
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
    assert.equal((await front.ask('a.test')).records.answerCount, 1)
    assert.equal((await front.ask('b.test')).records.answerCount, 1)
  })
})
