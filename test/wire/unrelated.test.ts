import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Type } from '../../src/wire/codes.ts'
import { compress } from '../../src/wire/compress.ts'
import { nameToText } from '../../src/wire/name.ts'
import { leaveOutUnrelated } from '../../src/wire/unrelated.ts'
import {
  a,
  cname,
  message,
  ns,
  opt,
  questionOf,
  recordsOf,
  rrsig,
  type TestMessage,
  type TestRecord,
} from './message.ts'

const out = Buffer.alloc(65_535)

/** Owners of the answers that are left, and how many records the other sections have. */
function left(m: TestMessage): { answers: string[]; others: number } {
  const b = message({ name: 'www.test', ...m })
  const question = questionOf(b)
  const records = recordsOf(b, question)
  leaveOutUnrelated(b, question, records)
  const written = Buffer.from(out.subarray(0, compress(b, records, question, out)))
  const again = recordsOf(written, question)
  assert.equal(again.end, written.length)
  assert.equal(again.count, records.count)
  assert.equal(again.answerCount, records.answerCount)
  const answers = Array.from({ length: again.answerCount }, (_, i) => {
    return `${nameToText(written, again.starts[i]!, written.length)} ${again.types[i]}`
  })
  return { answers, others: again.count - again.answerCount }
}

function dname(name: string, target: string): TestRecord {
  return { name, type: Type.DNAME, data: target }
}

const foreign = a('victim.test', 86_400)

describe('leaveOutUnrelated()', () => {
  for (const [what, answer, kept] of [
    ['in front', [foreign, a('www.test')], ['www.test. 1']],
    ['in the middle', [a('www.test'), foreign, a('WWW.test')], ['www.test. 1', 'WWW.test. 1']],
    ['behind', [a('www.test'), foreign], ['www.test. 1']],
    ['several', [foreign, a('www.test'), foreign, foreign], ['www.test. 1']],
    ['a CNAME nobody is led to', [a('www.test'), cname('b.test', 'c.test')], ['www.test. 1']],
    ['below the question', [a('www.test'), a('a.www.test')], ['www.test. 1']],
    ['above it', [a('www.test'), a('test')], ['www.test. 1']],
    ['a DNAME elsewhere', [a('www.test'), dname('other.test', 'x.test')], ['www.test. 1']],
    [
      'a DNAME at the name itself leads nowhere',
      [dname('www.test', 'x.test'), a('b.x.test')],
      ['www.test. 39'],
    ],
  ] as const) {
    test(`leaves out a record that no CNAME leads to: ${what}`, () => {
      for (const authority of [[], [ns('test', 'ns.test')]])
        for (const additional of [[], [a('ns.test')], [opt(), a('ns.test')]]) {
          const others = authority.length + additional.filter(({ type }) => type === Type.A).length
          const got = left({ answer, authority, additional })
          const spelt = got.answers.map((owner) => owner.replace('WWW', 'www'))
          assert.deepEqual(
            spelt,
            kept.map((owner) => owner.replace('WWW', 'www')),
          )
          assert.equal(got.others, others)
        }
    })
  }

  for (const [what, m] of [
    ['an answer', { answer: [a('www.test'), a('www.test')] }],
    ['in another spelling', { answer: [a('WwW.tEst')] }],
    ['a chain', { answer: [cname('www.test', 'b.test'), cname('b.test', 'c.test'), a('c.test')] }],
    [
      'a chain the other way round',
      { answer: [a('c.test'), cname('b.test', 'c.test'), cname('www.test', 'b.test')] },
    ],
    [
      'signatures',
      {
        answer: [
          cname('www.test', 'b.test'),
          rrsig('www.test', 1, 2),
          a('b.test'),
          rrsig('b.test', 1, 2),
        ],
      },
    ],
    [
      'a chain that goes round',
      { answer: [cname('www.test', 'b.test'), cname('b.test', 'www.test')] },
    ],
    [
      'a DNAME and its CNAME',
      {
        answer: [
          dname('test', 'example'),
          rrsig('test', 1, 2),
          cname('www.test', 'www.example'),
          a('www.example'),
        ],
      },
    ],
    [
      'a DNAME without a CNAME',
      { answer: [dname('test', 'example'), cname('www.example', 'c.test'), a('c.test')] },
    ],
    ['a DNAME of the root', { answer: [dname('.', 'example'), a('www.test.example')] }],
    [
      'ANY',
      {
        type: Type.ANY,
        answer: [a('www.test'), ns('www.test', 'ns.test'), rrsig('www.test', 1, 2)],
      },
    ],
    ['a rewritten question', { answer: [a('real.test'), cname('x.test', 'y.test')] }],
    ['nothing', {}],
  ] as const) {
    test(`leaves nothing out of ${what}`, () => {
      const { answer = [] } = m as TestMessage
      assert.equal(left(m).answers.length, answer.length)
    })
  }

  test('is done soon, whatever it is given', () => {
    const chain = Array.from({ length: 100 }, (_, i) =>
      cname(i === 0 ? 'www.test' : `n${i}.test`, `n${i + 1}.test`),
    )
    assert.equal(left({ answer: chain }).answers.length, 64)
    const much = Array.from({ length: 1000 }, (_, i) => a(`x${i}.test`))
    // The shortest of several: the others may have been interrupted.
    let took = Infinity
    for (let i = 0; i < 5; i++) {
      const before = performance.now()
      assert.equal(left({ answer: [...chain, ...much] }).answers.length, 64)
      took = Math.min(took, performance.now() - before)
    }
    assert.ok(took < 200, `${took} ms`)
  })
})
