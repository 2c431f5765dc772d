import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Result, upstreamCounters } from '../../../src/upstream/counters.ts'
import { eventually, honest, type Scripted, startScripted } from '../../upstream/scripted.ts'
import { Front } from './harness.ts'

/** Attempts at `port` that met a closed one. */
function refusals(port: number): number {
  return upstreamCounters.get(`127.0.0.1:${port}`).results[Result.Refused]!
}

/** A directive that asks `upstream` over UDP, which has answered it. */
async function ahead(t: test.TestContext, upstream: Scripted, options = ''): Promise<Front> {
  const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\n${options}}`)
  for (let i = 0; i < 8; i++) await front.ask(`warm${i}.test`)
  return front
}

describe('an upstream over UDP that is replaced', () => {
  // One alone has a socket of its own; of so many, later attempts share the sockets of earlier ones.
  for (const count of [1, 150]) {
    for (const options of ['max_fails 0\n', '']) {
      test(`${count} queries that it took along are asked again where it comes back: ${options}`, async (t) => {
        const first = await startScripted(t, honest)
        const front = await ahead(t, first, options)
        const before = first.asked.length
        first.script = () => {}
        const asked = Array.from({ length: count }, (_, i) => front.ask(`lost${i}.test`))
        await first.waitFor(before + count)
        await first.close()
        await eventually(() => refusals(first.port) >= count, 'refused attempts')
        await startScripted(t, honest, first.port)
        for (const reply of await Promise.all(asked)) assert.equal(reply.records.answerCount, 1)
      })
    }
  }

  test('max_connect_attempts bounds them', async (t) => {
    const first = await startScripted(t, honest)
    const front = await ahead(t, first, 'max_fails 0\nmax_connect_attempts 2\n')
    first.script = () => {}
    const asked = front.ask('lost.test', { age: 2000 })
    await first.waitFor(9)
    await first.close()
    await eventually(() => refusals(first.port) >= 1, 'a refused attempt')
    const second = await startScripted(t, honest, first.port)
    assert.equal((await asked).records.answerCount, 0)
    assert.equal(second.asked.length, 0)
  })
})
