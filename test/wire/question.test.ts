import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import DNS from 'dns2'
import fc from 'fast-check'
import { Type } from '../../src/wire/codes.ts'
import {
  echoesQuestion,
  nameText,
  parseQuestion,
  Question,
  questionEquals,
} from '../../src/wire/question.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { a, message, questionOf } from './message.ts'

const hostname = fc
  .array(fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/), { minLength: 1, maxLength: 10 })
  .map((labels) => labels.join('.'))

describe('parseQuestion()', () => {
  test('finds name, labels, type and class', () => {
    const b = message({ name: 'www.Example.com', type: Type.AAAA, class: 3 })
    const q = new Question()
    assert.equal(parseQuestion(b, b.length, q), WireStatus.Ok)
    assert.deepEqual([q.nameEnd, q.end, q.type, q.class], [29, 33, 28, 3])
    assert.equal(q.labelCount, 3)
    assert.deepEqual([...q.labels.subarray(0, 4)], [12, 16, 24, 28])
  })

  test('finds no labels in the root', () => {
    const q = questionOf(message({ name: '.' }))
    assert.deepEqual([q.nameEnd, q.end, q.labelCount, q.labels[0]], [13, 17, 0, 12])
  })

  test('agrees with dns2 on common questions', () => {
    fc.assert(
      fc.property(hostname, fc.constantFrom(1, 5, 12, 15, 16, 28, 33), (name, type) => {
        const packet = new DNS.Packet()
        packet.questions.push(new DNS.Packet.Question(name, type, 1))
        const b = packet.toBuffer()
        const q = new Question()
        assert.equal(parseQuestion(b, b.length, q), WireStatus.Ok)
        assert.equal(nameText(b, q), `${name}.`)
        assert.equal(nameText(b, q, true), `${name.toLowerCase()}.`)
        assert.deepEqual([q.type, q.class, q.end], [type, 1, b.length])
      }),
    )
  })

  test('survives arbitrary octets and stays inside the message', () => {
    const q = new Question()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
        const b = Buffer.from(octets)
        if (parseQuestion(b, b.length, q) !== WireStatus.Ok) return
        assert.ok(q.end <= b.length && q.nameEnd <= 12 + 255)
        assert.ok(q.labelCount <= 127)
        assert.notEqual(nameText(b, q), null)
      }),
      { numRuns: 1000 },
    )
  })

  test('rejects the message cut at any octet', () => {
    const b = message({})
    for (let length = 0; length < b.length; length++) {
      const expected = length === 12 ? WireStatus.ServFail : WireStatus.FormErr
      assert.equal(parseQuestion(b, length, new Question()), expected)
    }
  })
})

describe('Question', () => {
  test('assign() copies everything that describes a question', () => {
    const from = questionOf(message({ name: 'a.b.C', type: 28 }))
    const to = questionOf(message({ name: 'something.quite.different.and.longer' }))
    to.assign(from)
    const used = from.labelCount + 1
    assert.deepEqual([...to.labels.subarray(0, used)], [...from.labels.subarray(0, used)])
    from.labels.fill(0)
    to.labels.fill(0)
    assert.deepEqual(to, from)
  })

  test('clear() leaves no question, which reads as the root', () => {
    const b = message({ name: 'a.b.C' })
    const q = questionOf(b)
    q.clear()
    assert.equal(nameText(b, q), '.')
    q.labels.fill(0)
    assert.deepEqual(q, new Question())
  })
})

/** Questions so much alike that equal ones turn up often. */
const similar = fc.record({
  name: fc
    .array(fc.stringMatching(/^[aAbB]{1,2}$/), { maxLength: 2 })
    .map((labels) => `${labels.join('.')}.`),
  type: fc.constantFrom(1, 0x41, 0x61),
  class: fc.constantFrom(1, 3),
})

describe('questionEquals() and echoesQuestion()', () => {
  test('are true exactly where the questions are equal, but for ASCII case', () => {
    let equal = 0
    fc.assert(
      fc.property(similar, similar, (m1, m2) => {
        const [b1, b2] = [message(m1), message(m2)]
        const [q1, q2] = [questionOf(b1), questionOf(b2)]
        const same =
          m1.name.toLowerCase() === m2.name.toLowerCase() &&
          m1.type === m2.type &&
          m1.class === m2.class
        assert.equal(questionEquals(b1, q1, b2, q2), same)
        b2[2]! |= 0x80
        assert.equal(echoesQuestion(b2, b2.length, b1, q1), same)
        if (same) equal++
      }),
      { numRuns: 2000, seed: 2 },
    )
    assert.ok(equal > 20)
  })
})

describe('questionEquals()', () => {
  test('ignores case and demands equal type and class', () => {
    const b = message({ name: 'www.example.com' })
    const q = questionOf(b)
    const equals = (other: Buffer): boolean => questionEquals(b, q, other, questionOf(other))
    assert.ok(equals(message({ name: 'WWW.EXAMPLE.COM' })))
    assert.ok(!equals(message({ name: 'www.example.con' })))
    assert.ok(!equals(message({ name: 'www.example.com.au' })))
    assert.ok(!equals(message({ name: 'www.example.com', type: 28 })))
    assert.ok(!equals(message({ name: 'www.example.com', class: 3 })))
  })
})

describe('echoesQuestion()', () => {
  const query = message({ name: 'www.example.com', flags: 0x0100 })
  const q = questionOf(query)

  test('accepts the reply in any letter case', () => {
    const reply = message({ name: 'www.EXAMPLE.com', answer: [a('www.example.com')] })
    assert.ok(echoesQuestion(reply, reply.length, query, q))
  })

  test('refuses another question, a query, a reply without question and a short one', () => {
    const other = message({ name: 'www.example.org' })
    const none = message({})
    none[5] = 0
    assert.ok(!echoesQuestion(other, other.length, query, q))
    assert.ok(!echoesQuestion(query, query.length, query, q))
    assert.ok(!echoesQuestion(none, none.length, query, q))
    assert.ok(!echoesQuestion(message({}), q.end - 1, query, q))
  })
})
