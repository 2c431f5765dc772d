import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { answersQuestion, classify, ResponseKind } from '../../src/wire/classify.ts'
import { Edns, findEde, readQueryOpt } from '../../src/wire/edns.ts'
import { gate } from '../../src/wire/gate.ts'
import { nameToText, skipName } from '../../src/wire/name.ts'
import { echoesQuestion, nameText, parseQuestion, Question } from '../../src/wire/question.ts'
import { Records, scanRecords, stripOpt } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { truncate } from '../../src/wire/truncate.ts'
import { capTtls } from '../../src/wire/ttl.ts'
import { a, cname, message, ns, opt, option, questionOf, rrsig, soa, wireName } from './message.ts'

/** The octets of `b` with an alarm at `length`: reading or writing from there on throws. */
function guarded(b: Buffer, length: number): Buffer {
  const check = (key: string | symbol): void => {
    const index = typeof key === 'string' ? Number(key) : NaN
    if (index >= length || index < 0) throw new RangeError(`octet ${index} of ${length}`)
  }
  return new Proxy(b, {
    get(target, key) {
      check(key)
      return Reflect.get(target, key, target)
    },
    set(target, key, value) {
      check(key)
      return Reflect.set(target, key, value, target)
    },
  })
}

const name = 'www.example.com'
const samples: readonly Buffer[] = [
  message({ flags: 0x0100, name, additional: [opt({ options: option(10, Buffer.alloc(8)) })] }),
  message({
    answer: [cname(name, 'a.example'), a('a.example'), rrsig(name, 0, 9)],
    additional: [a('x'), opt({ dnssecOk: true, options: option(15, Buffer.from([0, 3])) })],
  }),
  message({
    flags: 0x8183,
    authority: [soa('example.com', 60, 30), ns('example.com', 'ns.example.com')],
    additional: [
      { name, type: 15, data: Buffer.concat([Buffer.alloc(2), wireName('mx')]) },
      { name, type: 35, data: Buffer.concat([Buffer.alloc(7), wireName('naptr')]) },
    ],
  }),
]

/** A sample with a few octets changed, then cut; or octets of no origin at all. */
const mangled = fc
  .tuple(
    fc.constantFrom(...samples),
    fc.array(fc.tuple(fc.nat(200), fc.oneof(fc.constantFrom(0, 12, 0xc0, 0xff), fc.nat(255))), {
      maxLength: 4,
    }),
    fc.nat(300),
  )
  .map(([sample, changes, end]) => {
    const b = Buffer.from(sample)
    for (const [at, octet] of changes) if (at < b.length) b[at] = octet
    return b.subarray(0, Math.max(end, 1))
  })
const anything = fc.uint8Array({ maxLength: 120 }).map((octets) => Buffer.from(octets))
const packets = fc.oneof({ weight: 4, arbitrary: mangled }, { weight: 1, arbitrary: anything })

test('no message makes a reader of queries throw or look behind the end', () => {
  const question = new Question()
  const edns = new Edns()
  const seen = new Set<WireStatus>()
  fc.assert(
    fc.property(packets, (octets) => {
      const { length } = octets
      const b = guarded(octets, length)
      const gated = gate(b, length)
      seen.add(gated)
      if (gated === WireStatus.Ignore) return
      if (parseQuestion(b, length, question) !== WireStatus.Ok) return
      assert.ok(question.end <= length)
      assert.notEqual(nameText(octets, question), '')
      const status = readQueryOpt(b, length, question, edns)
      assert.ok(status === WireStatus.Ok || status === WireStatus.FormErr)
    }),
    { numRuns: 2000, seed: 3 },
  )
  assert.ok(seen.size >= 4, 'every branch of the gate is reached')
})

test('no message makes a reader of replies throw, look behind the end or write there', () => {
  const question = new Question()
  const records = new Records()
  let sound = 0
  fc.assert(
    fc.property(packets, fc.nat(300), fc.nat(0xffffffff), (octets, limit, now) => {
      const { length } = octets
      const b = guarded(octets, length)
      if (length < 12 || parseQuestion(b, length, question) !== WireStatus.Ok) return
      if (scanRecords(b, length, question, records) !== WireStatus.Ok) return
      sound++
      assert.ok(classify(b, question, records, now) <= ResponseKind.OtherError)
      answersQuestion(b, question, records)
      capTtls(b, records, now)
      const stripped = stripOpt(b, records)
      assert.ok(stripped <= length)
      const kept = truncate(b, records, question, limit)
      assert.ok(kept <= Math.max(limit, question.end) && kept <= stripped)
      assert.equal(scanRecords(b, kept, question, records), WireStatus.Ok)
      assert.equal(records.optAt, -1)
    }),
    { numRuns: 3000, seed: 4 },
  )
  assert.ok(sound > 200, `${sound} replies got that far`)
})

test('no octets make the small readers throw or look behind the end', () => {
  fc.assert(
    fc.property(packets, fc.nat(150), (octets, at) => {
      const { length } = octets
      const b = guarded(octets, length)
      const end = skipName(b, at, length)
      assert.ok(end === -1 || (end > at && end <= length))
      if (end !== -1) assert.notEqual(nameToText(b, at, length), null)
      if (at <= length) findEde(b, at, length)
      for (const query of samples) echoesQuestion(b, length, query, questionOf(query))
    }),
    { numRuns: 2000 },
  )
})
