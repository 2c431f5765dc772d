import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { MergedQuestions } from '../../../src/plugins/forward/merged.ts'
import { keptQueries } from '../../../src/serve/kept-queries.ts'
import type { Query } from '../../../src/serve/query.ts'
import { Result } from '../../../src/upstream/counters.ts'
import type { Exchange } from '../../../src/upstream/exchange.ts'
import { Upstream } from '../../../src/upstream/upstream.ts'
import { Rcode, Type } from '../../../src/wire/codes.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { accepted } from '../../serve/fake-target.ts'
import { honest, silent, startScripted } from '../../upstream/scripted.ts'
import { message } from '../../wire/message.ts'
import { Front } from './harness.ts'

type AskParts = Parameters<Upstream['ask']>
type Ask = (this: Upstream, ...all: AskParts) => void

const defect = new Error('defect')

describe('a defect below `forward`', () => {
  for (const type of [Type.A, Type.HINFO]) {
    test(`costs one client SERVFAIL, and ends the attempt that is under way: type ${type}`, async (t) => {
      const upstream = await startScripted(t, silent)
      const front = await Front.start(
        t,
        `forward . 127.0.0.1:${upstream.port} {
          max_concurrent 1
        }`,
      )
      const ask: Ask = Reflect.get(Upstream.prototype, 'ask')
      const broken = t.mock.method(
        Upstream.prototype,
        'ask',
        function (this: Upstream, ...all: AskParts) {
          ask.apply(this, all)
          throw defect
        },
      )
      assert.equal((await front.ask('a.test', { type })).rcode, Rcode.ServFail)
      assert.deepEqual(front.panics, [defect])
      assert.equal(keptQueries.count, 0, 'its place is free again')
      broken.mock.restore()
      upstream.script = honest
      assert.equal((await front.ask('b.test', { type })).rcode, Rcode.NoError)
    })
  }

  test('behind the end of an errand gives nothing back twice', async (t) => {
    const upstream = await startScripted(t, honest)
    const to = `forward . 127.0.0.1:${upstream.port} {\nmax_connect_attempts 1\n}`
    const front = await Front.start(t, to)
    const broken = t.mock.method(Upstream.prototype, 'ask', function (this: Upstream, x: Exchange) {
      this.counters.inflight++
      this.lost(x, Result.Unreachable, null)
      throw defect
    })
    assert.equal((await front.ask('a.test')).rcode, Rcode.ServFail)
    assert.deepEqual(front.panics, [defect])
    assert.equal(keptQueries.count, 0)
    broken.mock.restore()
    const both = await Promise.all([front.ask('b.test'), front.ask('c.test')])
    assert.deepEqual(
      both.map(({ rcode }) => rcode),
      [Rcode.NoError, Rcode.NoError],
    )
  })

  test('behind an answer that came at once gives nothing back twice', () => {
    const rcodes: number[] = []
    const merged = new MergedQuestions({
      clock: new ManualClock(),
      ask: (q) => {
        q.fail(Rcode.NXDomain)
        MergedQuestions.end(q)
        throw defect
      },
      done: (q) => {
        rcodes.push(q.rcode)
        q.release()
      },
    })
    assert.throws(() => merged.ask(accepted(message({ name: 'a.test' }))), defect)
    assert.deepEqual([rcodes, keptQueries.count, merged.size], [[Rcode.NXDomain], 0, 0])
  })

  test('costs those SERVFAIL for whom it was asked once more', () => {
    const clock = new ManualClock()
    const asked: Query[] = []
    const rcodes: number[] = []
    const done = (q: Query): void => {
      rcodes.push(q.rcode)
      q.release()
    }
    const merged = new MergedQuestions({
      clock,
      ask: (q) => {
        if (asked.push(q) > 1) throw defect
      },
      done,
    })
    for (const passes of [2000, 0, 0]) {
      const q = accepted(message({ name: 'a.test' }))
      q.receivedAt = clock.now
      merged.ask(q)
      clock.advance(passes)
    }
    const [first] = asked
    first!.fail(Rcode.ServFail)
    assert.throws(() => MergedQuestions.end(first!), defect)
    assert.deepEqual(rcodes, [Rcode.ServFail, Rcode.ServFail, Rcode.ServFail])
    assert.equal(keptQueries.count, 0)
    assert.equal(merged.size, 0)
  })
})
