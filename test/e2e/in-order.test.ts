import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Rcode } from '../../src/wire/codes.ts'
import { startInOrderServer } from '../helpers/in-order-server.ts'
import { Front } from '../plugins/forward/harness.ts'

/** Asks for all names at once; resolves with the replies. */
function askAll(front: Front, names: readonly string[]): ReturnType<typeof Promise.all<Reply[]>> {
  return Promise.all(names.map((name) => front.ask(name, { over: 'tcp' })))
}
type Reply = Awaited<ReturnType<Front['ask']>>

const names = (count: number, what: string): string[] =>
  Array.from({ length: count }, (_, i) => `n${i}.${what}.test`)

/** What may have been asked of `count` names, with one probe, a quarter of second attempts, and some that are saved up. */
const most = (count: number): number => 5 + Math.floor(1.25 * count)

describe('an upstream that answers in order, as CoreDNS does', () => {
  for (const [count, ms] of [
    [20, 100],
    [50, 100],
    [100, 100],
    [200, 100],
    [60, 250],
  ] as const) {
    for (const warm of [false, true]) {
      const when = warm ? 'after fast ones' : 'at first'
      test(`${count} names of ${ms} ms at once, ${when}: all answered, hardly one asked twice`, async (t) => {
        const server = await startInOrderServer(t)
        const front = await Front.start(t, `forward . ${server.address}:${server.port}`)
        if (warm) for (const name of names(30, 'fast')) await front.ask(name, { over: 'tcp' })
        const before = server.counts.tcpQueries
        const replies = await askAll(front, names(count, `ms${ms}`))
        for (const { rcode } of replies) assert.equal(rcode, Rcode.NoError)
        const asked = server.counts.tcpQueries - before
        assert.ok(asked <= most(count), `${asked} queries`)
        // One after the other on eight connections they would take several seconds.
        const last = Math.max(...replies.map(({ took }) => took))
        assert.ok(last < 15 * ms, `the last came after ${last} ms`)
      })
    }
  }

  test('300 fast names at once take a few connections', async (t) => {
    // Server and daemon share this process: code that is still being compiled makes both of them slow.
    const other = await startInOrderServer(t)
    const rehearsal = await Front.start(t, `forward . ${other.address}:${other.port}`)
    for (let i = 0; i < 3; i++) await askAll(rehearsal, names(300, `warm${i}`))
    const server = await startInOrderServer(t)
    const front = await Front.start(t, `forward . ${server.address}:${server.port}`)
    const replies = await askAll(front, names(300, 'fast'))
    for (const { rcode } of replies) assert.equal(rcode, Rcode.NoError)
    assert.ok(server.counts.tcpQueries <= most(300), `${server.counts.tcpQueries} queries`)
    // Eight on a machine that has time; names that are slow have more.
    assert.ok(server.counts.peak <= 16, `${server.counts.peak} connections`)
  })

  for (const slow of [1, 4, 20]) {
    test(`fast names pass ${slow} slow ones`, async (t) => {
      const server = await startInOrderServer(t)
      const front = await Front.start(t, `forward . ${server.address}:${server.port}`)
      for (const name of names(20, 'warm')) await front.ask(name, { over: 'tcp' })
      const before = server.counts.tcpQueries
      const late = askAll(front, names(slow, 'ms1000'))
      const took: number[] = []
      for (const name of names(100, 'fast')) {
        const reply = await front.ask(name, { over: 'tcp' })
        assert.equal(reply.rcode, Rcode.NoError)
        took.push(reply.took)
      }
      took.sort((a, b) => a - b)
      assert.ok(took[89]! < 100, `nine of ten within ${took[89]} ms`)
      assert.ok(took[99]! < 500, `all within ${took[99]} ms`)
      for (const { rcode } of await late) assert.equal(rcode, Rcode.NoError)
      const asked = server.counts.tcpQueries - before
      assert.ok(asked <= most(slow + 100), `${asked} queries`)
    })
  }

  for (const closeAfter of [1, 2, 5, 128]) {
    test(`closing after ${closeAfter} answers: all are answered`, async (t) => {
      const server = await startInOrderServer(t, { closeAfter })
      const front = await Front.start(t, `forward . ${server.address}:${server.port}`)
      // What needs more than 128 new connections takes a busy machine longer than a client waits.
      for (const count of [5, 50, Math.min(600, 128 * closeAfter)]) {
        const replies = await askAll(front, names(count, 'fast'))
        for (const { rcode } of replies) assert.equal(rcode, Rcode.NoError)
      }
    })
  }

  test('that takes ten connections and closes further ones: all are answered', async (t) => {
    const server = await startInOrderServer(t, { maxConnections: 10 })
    const front = await Front.start(t, `forward . ${server.address}:${server.port}`)
    const replies = await askAll(front, names(100, 'ms50'))
    for (const { rcode } of replies) assert.equal(rcode, Rcode.NoError)
  })
})
