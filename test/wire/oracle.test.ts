import assert from 'node:assert/strict'
import { test } from 'node:test'
import DNS from 'dns2'
import fc from 'fast-check'
import { Flag, Rcode, Type } from '../../src/wire/codes.ts'
import { OPT_SIZE, writeOpt } from '../../src/wire/edns.ts'
import { readFlags } from '../../src/wire/header.ts'
import { nameToText } from '../../src/wire/name.ts'
import { nameText } from '../../src/wire/question.ts'
import { Records, scanRecords, stripOpt } from '../../src/wire/records.ts'
import { patchReply, writeFailure } from '../../src/wire/reply.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { truncate } from '../../src/wire/truncate.ts'
import { capTtls } from '../../src/wire/ttl.ts'
import { questionOf, recordsOf } from './message.ts'

const hostname = fc
  .array(fc.constantFrom('www', 'Example', 'com', 'kube-dns', 'x'), { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join('.'))
const ttl = fc.nat(0x7fffffff)

type Resource = DNS.Packet['answers'][number]

/** Records of the types that dns2 writes, with compressed names where the type allows it. */
const resource = fc
  .record({
    name: hostname,
    ttl,
    data: fc.oneof(
      fc.constant({ type: Type.A, address: '192.0.2.1' }),
      fc.constant({ type: Type.AAAA, address: '2001:db8::1' }),
      hostname.map((domain) => ({ type: Type.CNAME, domain })),
      hostname.map((ns) => ({ type: Type.NS, ns })),
      hostname.map((domain) => ({ type: Type.PTR, domain })),
      hostname.map((exchange) => ({ type: Type.MX, exchange, priority: 10 })),
      hostname.map((target) => ({ type: Type.SRV, target, priority: 1, weight: 2, port: 53 })),
      fc.string({ maxLength: 60 }).map((data) => ({ type: Type.TXT, data })),
      fc.tuple(hostname, ttl).map(([primary, minimum]) => ({
        type: Type.SOA,
        primary,
        admin: primary,
        minimum,
        serial: 1,
        refresh: 2,
        retry: 3,
        expiration: 4,
      })),
    ),
  })
  .map((r) => ({ name: r.name, ttl: r.ttl, class: 1, ...r.data }) as unknown as Resource)
const section = fc.array(resource, { maxLength: 5 })

const packets = fc
  .record({ name: hostname, answers: section, authorities: section, additionals: section })
  .map(({ name, ...sections }) => {
    const packet = Object.assign(new DNS.Packet(), sections)
    Object.assign(packet.header, { id: 0x1234, qr: 1, rd: 1, ra: 1 })
    packet.questions.push(new DNS.Packet.Question(name, Type.A, 1))
    return packet.toBuffer()
  })

function all(packet: DNS.Packet): readonly Resource[] {
  return [...packet.answers, ...packet.authorities, ...packet.additionals]
}

test('replies written by dns2 read as dns2 reads them', () => {
  const records = new Records()
  fc.assert(
    fc.property(packets, (b) => {
      const parsed = DNS.Packet.parse(b)
      const question = questionOf(b)
      assert.equal(nameText(b, question), `${parsed.questions[0]!.name}.`)
      assert.equal(scanRecords(b, b.length, question, records), WireStatus.Ok)
      assert.deepEqual(
        [records.answerCount, records.authorityCount, records.additionalCount],
        [parsed.answers.length, parsed.authorities.length, parsed.additionals.length],
      )
      for (const [i, { name, type, ttl: seconds }] of all(parsed).entries()) {
        assert.equal(nameToText(b, records.starts[i]!, b.length), `${name}.`)
        assert.deepEqual([records.types[i], b.readUInt32BE(records.ttlAt[i])], [type, seconds])
      }
      const soas = parsed.authorities.filter(({ type }) => type === Type.SOA)
      const negative = soas.map((soa) => Math.min(soa.ttl, soa.minimum!))
      assert.equal(records.soaNegativeTtl, soas.length === 0 ? -1 : Math.min(...negative))
      assert.equal(records.end, b.length)
    }),
    { numRuns: 300 },
  )
})

test('replies patched and shortened here read in dns2 as the records that were kept', () => {
  fc.assert(
    fc.property(packets, fc.nat(600), fc.boolean(), fc.nat(100), (b, limit, opt, most) => {
      const before = all(DNS.Packet.parse(b))
      const question = questionOf(b)
      const query = Buffer.from(b.toString('latin1').toUpperCase(), 'latin1')
      const records = recordsOf(b, question)
      const out = Buffer.alloc(b.length + OPT_SIZE)
      b.copy(out)
      patchReply(out, query, question, 7, readFlags(b) | Flag.CD)
      capTtls(out, records, most)
      let length = truncate(out, records, question, limit)
      if (opt) length = writeOpt(out, length, 1232, 0, true)
      const after = DNS.Packet.parse(out.subarray(0, length))
      assert.equal(after.header.id, 7)
      assert.equal(after.questions[0]!.name, DNS.Packet.parse(b).questions[0]!.name.toUpperCase())
      const kept = [...all(after)]
      if (opt) assert.equal(kept.pop()!.type, Type.OPT)
      assert.deepEqual(
        kept.map(withoutCase),
        before
          .slice(0, kept.length)
          .map((r) => withoutCase(Object.assign({}, r, { ttl: Math.min(r.ttl, most) }))),
      )
    }),
    { numRuns: 300 },
  )
})

test('OPT records written by dns2 are read and stripped', () => {
  fc.assert(
    fc.property(packets, fc.integer({ min: 512, max: 4096 }), fc.boolean(), (b, size, dnssecOk) => {
      const packet = DNS.Packet.parse(b)
      const edns = { udpPayloadSize: size, doFlag: dnssecOk }
      packet.additionals.push(DNS.Packet.Resource.EDNS([], edns))
      const whole = packet.toBuffer()
      const records = recordsOf(whole)
      assert.deepEqual([records.optAt, records.dnssecOk], [records.count - 1, dnssecOk])
      const length = stripOpt(whole, records)
      const stripped = DNS.Packet.parse(whole.subarray(0, length))
      assert.deepEqual(all(stripped).map(withoutCase), all(DNS.Packet.parse(b)).map(withoutCase))
    }),
    { numRuns: 100 },
  )
})

test('failures read in dns2 with the question they repeat', () => {
  fc.assert(
    fc.property(packets, fc.constantFrom(...Object.values(Rcode)), (query, rcode) => {
      const out = Buffer.alloc(600)
      const length = writeFailure(out, query, Flag.RD, questionOf(query), rcode)
      const reply = DNS.Packet.parse(out.subarray(0, length))
      assert.deepEqual([reply.header.qr, reply.header.rd], [1, 1])
      assert.equal(reply.header.rcode, rcode & 15)
      assert.deepEqual(reply.questions, DNS.Packet.parse(query).questions)
      assert.equal(all(reply).length, 0)
    }),
    { numRuns: 100 },
  )
})

/** Compressed names share the letters of the question, which are the client's. */
function withoutCase(r: Resource): unknown {
  return JSON.parse(JSON.stringify(r).toLowerCase())
}
