import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { MergedQuestions } from '../../../src/plugins/forward/merged.ts'
import { keptQueries } from '../../../src/serve/kept-queries.ts'
import type { Query } from '../../../src/serve/query.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { writeOption } from '../../../src/wire/edns.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { accepted } from '../../serve/fake-target.ts'
import { answerTo, honest, silent, startScripted } from '../../upstream/scripted.ts'
import { message } from '../../wire/message.ts'
import { Front } from './harness.ts'

describe('equal questions without a cache', () => {
  test('are one in flight, and one answer to all who ask', async (t) => {
    const upstream = await startScripted(t, silent)
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const all = ['a.test', 'A.TEST', 'a.Test'].map((name, n) => {
      return front.ask(name, { edns: n === 1 })
    })
    await upstream.waitFor(1)
    const { reply, wire } = upstream.asked[0]!
    reply(answerTo(wire, 0x8180, 3))
    for (const { rcode, records, answeredBy } of await Promise.all(all)) {
      assert.deepEqual([rcode, records.answerCount, answeredBy], [Rcode.NoError, 3, 'forward'])
    }
    assert.equal(upstream.asked.length, 1)
    assert.equal(keptQueries.count, 0)
    const again = front.ask('a.test')
    await upstream.waitFor(2)
    upstream.asked[1]!.reply(answerTo(upstream.asked[1]!.wire))
    assert.equal((await again).records.answerCount, 1, 'nothing is stored')
  })

  test('are told apart by EDNS options, which go upstream', async (t) => {
    const upstream = await startScripted(t, silent)
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const one = writeOption(8, Buffer.from([0, 1, 8, 0, 10]))
    const two = writeOption(8, Buffer.from([0, 1, 8, 0, 11]))
    const all = [one, two, two].map((options) => front.ask('a.test', { options }))
    await upstream.waitFor(2)
    upstream.asked.forEach(({ reply, wire }, i) => {
      assert.deepEqual(wire.subarray(-one.length), i === 0 ? one : two)
      reply(answerTo(wire))
    })
    await Promise.all(all)
    assert.equal(upstream.asked.length, 2)
    assert.equal(keptQueries.count, 0)
  })

  test('are told apart by type, DO, CD, RD and transport; HINFO always goes on', async (t) => {
    const upstream = await startScripted(t, silent)
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const all = [
      {},
      { type: Type.AAAA },
      { dnssecOk: true },
      { flags: Flag.RD | Flag.CD },
      { flags: 0 },
      { over: 'tcp' as const },
      { type: Type.HINFO },
      { type: Type.HINFO },
    ].map((o) => front.ask('a.test', o))
    await upstream.waitFor(8)
    for (const { reply, wire } of upstream.asked) reply(answerTo(wire))
    await Promise.all(all)
    assert.equal(keptQueries.count, 0)
  })

  test('fail together; who joined late has another try', async (t) => {
    const upstream = await startScripted(t, silent)
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const first = front.ask('a.test', { age: 3000 })
    const early = front.ask('a.test', { age: 3000 })
    const late = front.ask('a.test')
    assert.equal((await first).rcode, Rcode.ServFail)
    assert.equal((await early).rcode, Rcode.ServFail)
    upstream.script = honest
    assert.equal((await late).rcode, Rcode.NoError)
    assert.equal(keptQueries.count, 0)
  })

  test('have no third try, however late they joined', () => {
    const clock = new ManualClock()
    const asked: Query[] = []
    const rcodes: number[] = []
    const merged = new MergedQuestions({
      clock,
      ask: (q) => void asked.push(q),
      done: (q) => {
        rcodes.push(q.rcode)
        q.release()
      },
    })
    for (const passes of [2000, 0, 0]) {
      const q = accepted(message({ name: 'a.test' }))
      q.receivedAt = clock.now
      merged.ask(q)
      clock.advance(passes)
    }
    for (const q of asked) {
      q.fail(Rcode.ServFail)
      clock.advance(1000)
      MergedQuestions.end(q)
    }
    assert.deepEqual([asked.length, rcodes], [2, Array(3).fill(Rcode.ServFail)])
    assert.equal(keptQueries.count, 0)
  })

  test('come back from another `forward`, and from none', async (t) => {
    const first = await startScripted(t, ({ reply, wire }) => reply(answerTo(wire, 0x8185, 0)))
    const second = await startScripted(t, honest)
    const body = (from: string): string => `forward . 127.0.0.1:${first.port} {
      next REFUSED
    }
    forward ${from} 127.0.0.1:${second.port}`
    const both = await Front.start(t, body('.'))
    for (const { rcode } of await Promise.all([both.ask('a.test'), both.ask('a.test')])) {
      assert.equal(rcode, Rcode.NoError)
    }
    // REFUSED without OPT is asked again without it.
    assert.deepEqual([first.asked.length, second.asked.length], [2, 1])
    const neither = await Front.start(t, body('other.test'))
    const lost = await Promise.all([neither.ask('b.test'), neither.ask('b.test')])
    assert.equal(lost[0].rcode, lost[1].rcode)
    assert.notEqual(lost[0].rcode, Rcode.NoError)
    assert.equal(keptQueries.count, 0)
  })
})
