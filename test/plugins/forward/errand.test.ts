import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { ErrandRules } from '../../../src/plugins/forward/errand-rules.ts'
import { Errand } from '../../../src/plugins/forward/errand.ts'
import { MuteServers } from '../../../src/plugins/forward/partial-answer.ts'
import { makePolicy } from '../../../src/plugins/forward/policy.ts'
import { Protocol, Query, type ReplyTarget } from '../../../src/serve/query.ts'
import { Transport, UpstreamCounters } from '../../../src/upstream/counters.ts'
import { type Exchange, ExchangeState } from '../../../src/upstream/exchange.ts'
import type { Upstream } from '../../../src/upstream/upstream.ts'
import { Rcode } from '../../../src/wire/codes.ts'
import { parseQuestion } from '../../../src/wire/question.ts'
import { message } from '../../wire/message.ts'
import { type Manual, manual } from '../../upstream/channel.ts'
import { answerTo } from '../../upstream/scripted.ts'

/** An upstream that is silent until the test speaks for it. */
class Silent {
  readonly name = '127.0.0.1:53'
  readonly counters = new UpstreamCounters()
  readonly asked: Exchange[] = []
  readonly #down: boolean
  readonly #ready: boolean

  constructor(down: boolean, ready: boolean) {
    this.#down = down
    this.#ready = ready
  }

  isDown(): boolean {
    return this.#down
  }

  isReady(): boolean {
    return this.#ready
  }

  ask(x: Exchange): void {
    x.state = ExchangeState.Asked
    this.asked.push(x)
  }
}

interface Started {
  readonly time: Manual
  readonly upstream: Silent
  /** How the query ended, and after how many milliseconds. */
  readonly ended: { at: number; rcode: number; answers: number } | null
}

/**
 * Begins an errand for one upstream, or for more.
 * @param age milliseconds since the client asked
 * @param others upstreams beside it, of which nobody speaks for any
 * @param before whose time and upstream it has
 */
function start(
  rules: Partial<ErrandRules>,
  { age = 0, down = false, ready = true, others = 0, before = null as Started | null } = {},
): Started {
  const time = before?.time ?? manual()
  const upstream = before?.upstream ?? new Silent(down, ready)
  upstream.asked.length = 0
  const started = { time, upstream, ended: null as Started['ended'] }
  const wire = message({ name: 'a.test', flags: 0x0100 })
  const target = { protocol: Protocol.Udp, reserve: () => Buffer.alloc(65_535) }
  const q = new Query(target as unknown as ReplyTarget)
  q.reset(wire, wire.length, time.clock.now - age)
  parseQuestion(wire, wire.length, q.question)
  const begun = time.clock.now
  const errand = new Errand(
    {
      context: time.context,
      policy: makePolicy('sequential'),
      maxAttempts: null,
      readTimeout: 2000,
      failfast: false,
      failover: 0,
      next: 0,
      nextOnNodata: false,
      nextForward: null,
      mute: new MuteServers(),
      taps: null,
      done: ({ records, rcode }) => {
        started.ended = { at: time.clock.now - begun, rcode, answers: records?.answerCount ?? 0 }
      },
      ...rules,
    },
    () => {},
  )
  const all = [upstream, ...Array.from({ length: others }, () => new Silent(down, ready))]
  errand.start(q, all as unknown as Upstream[], Transport.Udp)
  return started
}

/** Lets time pass until the errand has ended. */
function untilEnded(started: Started): NonNullable<Started['ended']> {
  for (let i = 0; i < 600 && started.ended === null; i++) started.time.pass(10)
  assert.ok(started.ended !== null, 'ended')
  return started.ended
}

/** What comes over UDP is truncated, and TCP says nothing. */
function truncate({ upstream }: Started): void {
  const x = upstream.asked[0]!
  const reply = answerTo(x.query, 0x8380, 3)
  x.owner.truncated(x, reply, reply.length)
}

describe('an upstream that is silent', () => {
  for (const [what, rules, state, ms] of [
    ['the usual', {}, {}, 4400],
    ['`max_connect_attempts 1`', { maxAttempts: 1 }, {}, 2000],
    ['`max_connect_attempts 0`', { maxAttempts: 0 }, {}, 4400],
    ['`read_timeout 500ms`', { readTimeout: 500 }, {}, 1000],
    ['`read_timeout 5s`', { readTimeout: 5000, maxAttempts: 1 }, {}, 4400],
    ['it is down as well', {}, { down: true }, 2000],
    ['down, and its port may open again', {}, { down: true, ready: false }, 4400],
  ] as const) {
    test(`${what}: SERVFAIL after ${ms} ms`, () => {
      const { at, rcode } = untilEnded(start(rules, state))
      assert.equal(rcode, Rcode.ServFail)
      assert.ok(at >= ms && at <= ms + 10, `after ${at} ms`)
    })
  }
})

describe('a truncated answer, while TCP is silent', () => {
  test('is given after a second', () => {
    const started = start({})
    started.time.pass(100)
    truncate(started)
    assert.deepEqual(untilEnded(started), { at: 1100, rcode: Rcode.NoError, answers: 3 })
  })

  test('is given at once from then on, for half a minute or until TCP answers', () => {
    const mute = new MuteServers()
    const first = start({ mute })
    const waited = (): number => {
      const next = start({ mute }, { before: first })
      truncate(next)
      return untilEnded(next).at
    }
    truncate(first)
    assert.equal(untilEnded(first).at, 1000)
    assert.equal(waited(), 10)
    first.time.pass(29_980)
    assert.equal(waited(), 10, 'not longer for having been asked meanwhile')
    assert.equal(waited(), 1000)
    assert.equal(waited(), 10)
    const overTcp = start({ mute }, { before: first })
    const x = first.upstream.asked[0]!
    x.transport = Transport.Tcp
    x.state = ExchangeState.Idle
    const reply = answerTo(x.query)
    assert.ok(x.owner.replied(x, reply, reply.length))
    assert.equal(overTcp.ended?.answers, 1)
    assert.equal(waited(), 1000)
  })

  test('that had less time says nothing of the next one', () => {
    const mute = new MuteServers()
    const first = start({ mute, maxAttempts: 1 })
    first.time.pass(1500)
    truncate(first)
    assert.equal(untilEnded(first).at, 2000)
    const next = start({ mute }, { before: first })
    truncate(next)
    assert.equal(untilEnded(next).at, 1000)
  })

  test('does not make a deadline later that is sooner', () => {
    for (const rules of [{ maxAttempts: 1 }, { readTimeout: 1000 }]) {
      const started = start(rules)
      started.time.pass(1500)
      truncate(started)
      assert.deepEqual(untilEnded(started), { at: 2000, rcode: Rcode.NoError, answers: 3 })
    }
  })

  test('is given at the next tick where the deadline is over already', () => {
    const started = start({}, { age: 3000 })
    started.time.clock.advance(1400)
    truncate(started)
    started.time.pass(10)
    assert.deepEqual(started.ended, { at: 1410, rcode: Rcode.NoError, answers: 3 })
    const late = start({}, { age: 3000 })
    late.time.clock.advance(5000)
    truncate(late)
    late.time.pass(0)
    assert.deepEqual(late.ended, { at: 5000, rcode: Rcode.NoError, answers: 3 })
  })
})

test('a reply to fail over from is given after one attempt elsewhere that is silent', () => {
  const started = start({ failover: 1 << Rcode.Refused }, { others: 1 })
  started.time.pass(100)
  const x = started.upstream.asked[0]!
  const reply = answerTo(x.query, 0x8180 | Rcode.Refused, 0)
  x.state = ExchangeState.Idle
  assert.ok(x.owner.replied(x, reply, reply.length))
  const { at, rcode } = untilEnded(started)
  assert.equal(at, 2100)
  assert.notEqual(rcode, Rcode.ServFail, 'which is what there is without a reply')
})
