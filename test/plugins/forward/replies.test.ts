import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Class, Ede, Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { write16 } from '../../../src/wire/bytes.ts'
import { readTtl } from '../../../src/wire/records.ts'
import { silent, startScripted } from '../../upstream/scripted.ts'
import { lengthFromCoreDns, plain } from '../../wire/compress-support.ts'
import {
  a,
  message,
  opt,
  option,
  type TestMessage,
  type TestRecord,
  wireName,
} from '../../wire/message.ts'
import type { Owner } from '../../helpers/processes.ts'
import { type AskOptions, Front, type Reply } from './harness.ts'

const zone = 'my-namespace.svc.cluster.local'

function srv(name: string, target: string): TestRecord {
  return { name, type: Type.SRV, data: Buffer.concat([Buffer.alloc(6), wireName(target)]) }
}

/** What a client gets where the upstream answers with `m`, names in full. */
async function given(
  owner: Owner,
  m: TestMessage & { readonly name: string },
  o: AskOptions = {},
): Promise<Reply> {
  const upstream = await startScripted(owner, ({ id, reply }) => reply(message({ ...m, id })))
  const front = await Front.start(owner, `forward . 127.0.0.1:${upstream.port} {\nforce_tcp\n}`)
  return front.ask(m.name, { ...(m.type === undefined ? {} : { type: m.type }), ...o })
}

describe('what CoreDNS sends in full over TCP reaches clients compressed', () => {
  const name = `workers.${zone}`
  const pods = Array.from({ length: 20 }, () => a(name))

  test('20 addresses, without EDNS', async (t) => {
    const reply = await given(t, { name, answer: pods })
    assert.equal(reply.wire.length, 376)
    assert.equal(reply.records.answerCount, 20)
    assert.equal(reply.flags & Flag.TC, 0)
  })

  test('and over TCP, where all would fit', async (t) => {
    const reply = await given(t, { name, answer: pods }, { over: 'tcp' })
    assert.equal(reply.wire.length, 376)
  })

  test('12 SRV records with their addresses in 1,232 octets, targets in full', async (t) => {
    const service = `_pg._tcp.db-headless.${zone}`
    const targets = Array.from({ length: 12 }, (_, i) => `db-${i}.db-headless.${zone}`)
    const m = {
      name: service,
      type: Type.SRV,
      answer: targets.map((target) => srv(service, target)),
      additional: targets.map((target) => a(target)),
    }
    const reply = await given(t, m, { edns: true })
    assert.equal(reply.flags & Flag.TC, 0)
    assert.deepEqual([reply.records.answerCount, reply.records.additionalCount], [12, 13])
    const whole = message(m)
    assert.ok(reply.wire.length <= lengthFromCoreDns(whole, 512) + 11)
    assert.deepEqual(plain(reply.wire).records.slice(0, 24), plain(whole).records)
  })

  test('as many records as fit, and TC, where not all do', async (t) => {
    const many = Array.from({ length: 60 }, () => a(name))
    const reply = await given(t, { name, answer: many })
    assert.equal(reply.records.answerCount, Math.floor((512 - 12 - name.length - 2 - 4) / 16))
    assert.notEqual(reply.flags & Flag.TC, 0)
  })
})

describe('OPT records of a reply', () => {
  const name = 'www.example.com'
  const error = (code: number, text: string): Buffer =>
    option(15, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(text)]))

  test('all extended errors go on, with their texts', async (t) => {
    const cookie = option(10, Buffer.alloc(16))
    const both = [error(Ede.DnssecBogus, 'no signature'), error(Ede.NoReachableAuthority, '')]
    const options = Buffer.concat([both[0]!, cookie, both[1]!])
    const m = { name, flags: 0x8182, additional: [opt({ options })] }
    const reply = await given(t, m, { edns: true })
    const expected = { ...m, flags: 0x8182, additional: [opt({ options: Buffer.concat(both) })] }
    assert.deepEqual(reply.wire.subarray(2), message(expected).subarray(2))
    assert.equal((await given(t, m)).wire.length, message({ name }).length, 'to clients with EDNS')
  })

  test('cost no record that stands behind them', async (t) => {
    const additional = [
      a('x.example.com'),
      opt(),
      a('y.example.com'),
      opt({ size: 999 }),
      a('z.net'),
    ]
    const reply = await given(t, { name, answer: [a(name)], additional }, { edns: true })
    const owners = plain(reply.wire).records.map(({ owner }) => owner.join('.'))
    assert.deepEqual(owners, [name, 'x.example.com', 'y.example.com', 'z.net', ''])
    assert.equal(reply.records.optAt, 4)
  })

  test('may stand in any section', async (t) => {
    const m = { name, answer: [opt(), a(name)], authority: [opt()], additional: [a('x.net')] }
    const reply = await given(t, m)
    const { answerCount, authorityCount, additionalCount, optAt } = reply.records
    assert.deepEqual([answerCount, authorityCount, additionalCount, optAt], [1, 0, 1, -1])
  })
})

test('a TTL with its top bit set is 0', async (t) => {
  const name = 'huge.test'
  const reply = await given(t, {
    name,
    answer: [a(name, 0x80000001), a(name, 7), a(name, 0xffffffff)],
  })
  const ttls = Array.from({ length: 3 }, (_, i) => reply.wire.readUInt32BE(reply.records.ttlAt[i]))
  assert.deepEqual(ttls, [0, 7, 0])
  assert.equal(readTtl(reply.wire, reply.records.ttlAt[1]!), 7)
})

describe('an error without a question', () => {
  const bare = (id: number, rcode: number): Buffer => {
    const reply = message({ id, flags: 0x8100 | rcode }).subarray(0, 12)
    write16(reply, 4, 0)
    return reply
  }

  for (const rcode of [Rcode.FormErr, Rcode.NotImp, Rcode.Refused]) {
    test(`is what the client gets where nobody says anything else: rcode ${rcode}`, async (t) => {
      const upstream = await startScripted(t, ({ id, reply }) => reply(bare(id, rcode)))
      const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
      const reply = await front.ask('www.example.com')
      assert.equal(reply.rcode, rcode)
      assert.equal(reply.error, null)
      assert.deepEqual(reply.wire.subarray(12), message({}).subarray(12), 'with its question')
      upstream.script = silent
      const next = await front.ask('www.example.com', { age: 4_300 })
      assert.equal(next.rcode, Rcode.ServFail, 'it was about another query')
    })
  }

  for (const klass of [0, Class.NONE, 65_535]) {
    test(`and where the class is ${klass}, with or without its question`, async (t) => {
      for (const echoed of [false, true]) {
        const upstream = await startScripted(t, ({ id, reply }) => {
          const refusal = { id, class: klass, flags: 0x8100 | Rcode.FormErr }
          reply(echoed ? message(refusal) : bare(id, Rcode.FormErr))
        })
        const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
        const { rcode, wire } = await front.ask('www.example.com', { class: klass })
        assert.equal(rcode, Rcode.FormErr)
        assert.deepEqual(wire.subarray(12), message({ class: klass }).subarray(12))
      }
    })
  }

  test('is no answer where another upstream has one', async (t) => {
    const sick = await startScripted(t, ({ id, reply }) => reply(bare(id, Rcode.Refused)))
    const well = await startScripted(t, ({ id, reply }) =>
      reply(message({ id, answer: [a('www.example.com')] })),
    )
    const to = [sick, well].map(({ port }) => `127.0.0.1:${port}`).join(' ')
    const front = await Front.start(t, `forward . ${to} {\npolicy sequential\n}`)
    assert.equal((await front.ask('www.example.com')).records.answerCount, 1)
  })
})
