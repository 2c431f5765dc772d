import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { upstreamCounters } from '../../../src/upstream/counters.ts'
import { Ede, Rcode } from '../../../src/wire/codes.ts'
import { readCount, Section } from '../../../src/wire/header.ts'
import { questionOf } from '../../wire/message.ts'
import {
  answerTo,
  type Asked,
  honest,
  type Script,
  startScripted,
} from '../../upstream/scripted.ts'
import { Front } from './harness.ts'

/** First label of what is asked for. */
function nameOf({ wire }: Asked): string {
  return wire.toString('latin1', 13, 13 + wire[12]!)
}

function hasOpt({ wire }: Asked): boolean {
  return readCount(wire, Section.Additional) > 0
}

/** Loses the first `count` queries for each name that begins with `lost`. */
function losing(count: number): Script {
  const seen = new Map<string, number>()
  return (asked, n) => {
    const name = nameOf(asked)
    const before = seen.get(name) ?? 0
    seen.set(name, before + 1)
    if (!name.startsWith('lost') || before >= count) honest(asked, n)
  }
}

/** Asks until the usual round trip is known, and one of a machine that stood still meanwhile forgotten. */
async function warmUp(front: Front): Promise<void> {
  for (let quick = 0; quick < 20;)
    quick = (await front.ask(`warm${quick}.test`)).took < 25 ? quick + 1 : 0
}

describe('datagrams that get lost', { concurrency: 4 }, () => {
  test('up to five of one query: it is asked until there is an answer, from other ports', async (t) => {
    const upstream = await startScripted(t, losing(4))
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
    await warmUp(front)
    const reply = await front.ask('lost.test')
    assert.equal(reply.records.answerCount, 1)
    const asked = upstream.asked.filter((one) => nameOf(one) === 'lost')
    assert.ok(asked.length >= 5 && asked.length <= 6, `${asked.length} attempts`)
    // By chance two are the same, ports and ids each in one of some 4,000 runs.
    const different = asked.length - 1
    assert.ok(new Set(asked.map(({ port }) => port)).size >= different, 'ports')
    assert.ok(new Set(asked.map(({ id }) => id)).size >= different, 'ids')
  })

  test('the second of two answers is no answer to anything', async (t) => {
    const upstream = await startScripted(t, (asked) => {
      asked.reply(answerTo(asked.wire))
      asked.reply(answerTo(asked.wire))
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
    for (let i = 0; i < 12; i++) {
      const reply = await front.ask(`n${i}.test`)
      assert.equal(reply.records.answerCount, 1)
      assert.equal(questionOf(reply.wire).nameEnd, 12 + `n${i}.test`.length + 2)
    }
    // Were it one, the next query would be asked again: 23 attempts. A machine that stands still for a moment
    // (50 ms, on both ends here) adds one.
    assert.equal(new Set(upstream.asked.map(nameOf)).size, 12)
    assert.ok(upstream.asked.length < 18, `${upstream.asked.length} attempts`)
  })

  test('an answer that comes after the next attempt still counts, and ends it', async (t) => {
    const held: Asked[] = []
    const upstream = await startScripted(t, (asked, n) => {
      if (nameOf(asked) !== 'late') honest(asked, n)
      else if (held.push(asked) === 2) held[0]!.reply(answerTo(held[0]!.wire))
    })
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 0\n}`)
    await warmUp(front)
    assert.equal((await front.ask('late.test')).records.answerCount, 1)
    assert.equal(upstreamCounters.get(`127.0.0.1:${upstream.port}`).inflight, 0)
    held[1]!.reply(answerTo(held[1]!.wire))
    assert.equal((await front.ask('next.test')).records.answerCount, 1)
  })

  test('one that never answers is asked three times for a query, and a few times more', async (t) => {
    const upstream = await startScripted(t, honest)
    const options = 'max_fails 0\nread_timeout 60ms\n'
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\n${options}}`)
    await warmUp(front)
    upstream.script = () => {}
    const count = 40
    const replies = await Promise.all(
      // Of 4.4 s that a query has, half a second is left.
      Array.from({ length: count }, (_, i) => front.ask(`n${i}.test`, { age: 3900, edns: true })),
    )
    for (const { rcode, ede } of replies)
      assert.deepEqual([rcode, ede], [Rcode.ServFail, Ede.NoReachableAuthority])
    const asked = upstream.asked.filter((one) => nameOf(one).startsWith('n'))
    // Three at once, and one for forty.
    assert.ok(asked.length <= 3 * count + 4, `${asked.length} attempts`)
    const each = Map.groupBy(asked, nameOf)
    for (const all of each.values()) assert.ok(all.length <= 6)
  })

  test('one that stands still is asked few names twice before 2 s, and then the same question', async (t) => {
    const upstream = await startScripted(t, honest)
    const count = 40
    const askAll = async (options: string, age: number): Promise<Asked[][]> => {
      upstream.script = honest
      const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\n${options}}`)
      await warmUp(front)
      upstream.script = () => {}
      const before = upstream.asked.length
      const names = Array.from({ length: count }, (_, i) => `n${i}.test`)
      await Promise.all(names.map((name) => front.ask(name, { age })))
      const asked = upstream.asked.slice(before).filter((one) => nameOf(one).startsWith('n'))
      return [...Map.groupBy(asked, nameOf).values()]
    }
    const still = await askAll('max_fails 0\n', 3900)
    const twice = still.filter(({ length }) => length > 1)
    assert.equal(still.length, count)
    assert.ok(twice.length <= 4, `${twice.length} asked twice`)
    const brief = await askAll('max_fails 0\nread_timeout 60ms\n', 3900)
    const same = brief.filter(([, second]) => second !== undefined && hasOpt(second))
    assert.ok(same.length >= count - 4, `${same.length} asked twice with OPT`)
  })

  test('max_connect_attempts is a bound for datagrams too', async (t) => {
    const upstream = await startScripted(t, losing(9))
    const options = 'max_fails 0\nmax_connect_attempts 2\nread_timeout 400ms\n'
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\n${options}}`)
    await warmUp(front)
    assert.equal((await front.ask('lost.test')).rcode, Rcode.ServFail)
    // What was sent before this has been read before it.
    await front.ask('last.test')
    assert.equal(upstream.asked.filter((one) => nameOf(one) === 'lost').length, 2)
  })
})
