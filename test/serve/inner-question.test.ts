import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeFinish } from '../../src/serve/finish.ts'
import { askServer } from '../../src/serve/inner-question.ts'
import type { Handler } from '../../src/serve/plugin.ts'
import { Outcome, Protocol, type Query } from '../../src/serve/query.ts'
import { addRecord, beginReply, endReply } from '../../src/serve/reply-writer.ts'
import { Server } from '../../src/serve/server.ts'
import { Class, Flag, Rcode, Type } from '../../src/wire/codes.ts'
import { readFlags, readId, Section } from '../../src/wire/header.ts'
import { nameText } from '../../src/wire/question.ts'
import { message, opt, questionOf, recordsOf, wireName } from '../wire/message.ts'
import { FakeTarget, receive } from './fake-target.ts'

const observed: string[] = []
const finish = makeFinish([(q) => void observed.push(`${q.depth} ${nameText(q.wire, q.question)}`)])

function asked(q: Query): string {
  return nameText(q.wire, q.question)
}

/** A server for `test.` whose one block is `handler`. */
function serve(handler: Handler, panics: unknown[] = []): Server {
  return new Server({
    identity: { name: 'dns://192.0.2.53:53', index: 4 },
    zones: new Map([['test.', { handler }]]),
    allClasses: true,
    rejected: () => {},
    panicked: (cause) => panics.push(cause),
  })
}

/** A server that asks `inner` before it answers `outer.test.`, and what it got to know. */
function ask(inner: string, answer: Handler, panics: unknown[] = []) {
  const told: { outcome: Outcome; rcode: number; message: Buffer; query: Query }[] = []
  const server = serve((q) => {
    if (asked(q) !== 'outer.test.') return answer(q)
    askServer(q, wireName(inner), Type.AAAA, (reply) => {
      const { outcome, rcode } = reply
      const copy = Buffer.copyBytesFrom(reply.out, 0, reply.outLength)
      told.push({ outcome, rcode, message: copy, query: reply })
      beginReply(q)
      endReply(q, 'toy')
      finish(q)
    })
  }, panics)
  const target = new FakeTarget()
  const wire = message({
    id: 7,
    name: 'outer.test',
    flags: Flag.RD | Flag.CD,
    additional: [opt({ dnssecOk: true })],
  })
  server.dispatch(receive(wire, target))
  assert.equal(target.sent.length, 1, 'the client gets one answer')
  assert.equal(told.length, 1)
  return told[0]!
}

function answerLong(q: Query): void {
  beginReply(q)
  for (let i = 0; i < 100; i++) {
    addRecord(q, Section.Answer, null, Type.AAAA, 60, Buffer.alloc(16, i))
  }
  endReply(q, 'toy')
  finish(q)
}

describe('a question of our own', () => {
  test('is asked as the client asked, and its answer is not cut', () => {
    observed.length = 0
    const { outcome, message: reply, query } = ask('Inner.test', answerLong)
    const question = questionOf(reply)
    assert.equal(outcome, Outcome.Message)
    assert.deepEqual(
      [nameText(reply, question), question.type, question.class],
      ['Inner.test.', Type.AAAA, Class.IN],
    )
    assert.equal(recordsOf(reply, question).answerCount, 100)
    assert.equal(readId(reply), 7)
    assert.equal(readFlags(reply), Flag.QR | Flag.AA | Flag.RD | Flag.CD)
    assert.deepEqual(observed, ['0 outer.test.', '1 Inner.test.'], 'observers see both')
    const { target, edns, server } = query
    assert.equal(target.protocol, Protocol.Udp, "the client's")
    assert.deepEqual([target.localAddress, target.localPort], ['192.0.2.53', 53])
    assert.deepEqual(
      [target.remoteAddress(query), target.remotePort(query)],
      ['198.51.100.7', 40_000],
    )
    assert.equal(target.isIPv6(query), false)
    assert.deepEqual([edns.present, edns.dnssecOk], [false, true])
    assert.equal(server.name, 'dns://192.0.2.53:53')
  })

  test('is refused where no block serves its name', () => {
    assert.equal(ask('else.where', answerLong).rcode, Rcode.Refused)
  })

  test('tells of an answer that never comes', () => {
    const { outcome } = ask('inner.test', (q) => {
      q.outcome = Outcome.Drop
      finish(q)
    })
    assert.equal(outcome, Outcome.Drop)
  })

  test('fails alone where a plugin throws', () => {
    const panics: unknown[] = []
    const cause = new Error('broken')
    const { rcode } = ask(
      'inner.test',
      () => {
        throw cause
      },
      panics,
    )
    assert.deepEqual([rcode, panics], [Rcode.ServFail, [cause]])
  })

  test('has eight inside of one another at most', () => {
    let deepest = 0
    const rcodes: number[] = []
    const server = serve((q) => {
      deepest = Math.max(deepest, q.depth)
      askServer(q, wireName('again.test'), Type.A, ({ rcode, error }) => {
        rcodes.push(rcode)
        q.fail(rcode, error ?? undefined)
        finish(q)
      })
    })
    const target = new FakeTarget()
    server.dispatch(receive(message({ name: 'outer.test', flags: Flag.RD }), target))
    assert.equal(deepest, 8)
    assert.deepEqual(rcodes, Array(9).fill(Rcode.ServFail))
    assert.equal(readFlags(target.sent[0]!) & 15, Rcode.ServFail)
  })
})
