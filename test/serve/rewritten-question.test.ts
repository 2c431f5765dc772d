import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Query } from '../../src/serve/query.ts'
import { replaceQuestion, restoreQuestion } from '../../src/serve/rewritten-question.ts'
import { Class, Type } from '../../src/wire/codes.ts'
import { nameText } from '../../src/wire/question.ts'
import { message, opt, wireName } from '../wire/message.ts'
import { accepted } from './fake-target.ts'

const wire = message({ id: 7, flags: 0x100, name: 'Short.test', additional: [opt()] })

function shown({ question, wire: bytes }: Query): string {
  return `${nameText(bytes, question)} ${question.class} ${question.type}`
}

function rewritten(q: Query): void {
  q.rewritten = { asked: Buffer.copyBytesFrom(q.wire, 0, q.question.end) }
  replaceQuestion(q, wireName('a.much.longer.name.test'), Type.MX, Class.CH)
}

describe('a question in the place of another', () => {
  test('leaves the datagram as it came', () => {
    const q = accepted(Buffer.from(wire))
    rewritten(q)
    assert.equal(shown(q), 'a.much.longer.name.test. 3 15')
    assert.equal(q.length, q.question.end)
    assert.equal(q.wire.readUInt16BE(0), 7)
    restoreQuestion(q)
    assert.equal(shown(q), 'Short.test. 1 1')
    assert.equal(q.rewritten, null)
  })

  test('goes with copies, which get the first one back by themselves', () => {
    const q = accepted(Buffer.from(wire))
    q.options = Buffer.from([1])
    q.replyOptions = Buffer.from([2])
    q.maxUdpSize = 600
    rewritten(q)
    const copy = q.copy()
    const second = copy.copy()
    restoreQuestion(q)
    assert.equal(shown(copy), 'a.much.longer.name.test. 3 15')
    assert.deepEqual(
      [copy.options, copy.replyOptions, copy.maxUdpSize],
      [q.options, q.replyOptions, 600],
    )
    const own = copy.wire
    restoreQuestion(copy)
    assert.equal(shown(copy), 'Short.test. 1 1')
    assert.equal(copy.wire, own, 'a copy keeps its buffer')
    replaceQuestion(copy, wireName('x'), Type.A, Class.IN)
    assert.equal(copy.wire, own)
    assert.equal(shown(copy), 'x. 1 1')
    copy.release()
    assert.equal(copy.options, null)
    assert.equal(shown(second), 'a.much.longer.name.test. 3 15')
    second.release()
  })

  test('is not looked for where only the answer is another', () => {
    const q = accepted(Buffer.from(wire))
    q.rewritten = { asked: null }
    restoreQuestion(q)
    assert.equal(shown(q), 'Short.test. 1 1')
    assert.equal(q.rewritten, null)
    q.rewritten = { asked: null }
    q.reset(wire, wire.length, 0)
    assert.equal(q.rewritten, null)
    restoreQuestion(q)
    assert.equal(shown(q), 'Short.test. 1 1')
  })
})
