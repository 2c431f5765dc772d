import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import type { InOrderServer } from '../../../src/commands/demo/in-order-server.ts'
import { Transport, upstreamCounters } from '../../../src/upstream/counters.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { startInOrderServer } from '../../helpers/in-order-server.ts'
import { freePort } from '../../helpers/ports.ts'
import { questionOf } from '../../wire/message.ts'
import { type AskOptions, Front } from './harness.ts'

/** Answers all but HINFO, which is in service for longer than any test. */
function dropsHinfo(t: TestContext): Promise<InOrderServer> {
  const serviceMs = (query: Buffer): number => (questionOf(query).type === Type.HINFO ? 60_000 : 0)
  return startInOrderServer(t, { serviceMs })
}

/** A question of the daemon's own. */
const own: AskOptions = { type: Type.HINFO, asker: () => {} }

/** All that an upstream's counters say. */
const countersOf = ({ port }: InOrderServer): string =>
  JSON.stringify(upstreamCounters.get(`127.0.0.1:${port}`))

describe('a question of the daemon’s own', () => {
  test('gets the rcode of the upstream, and leaves no trace in its counters', async (t) => {
    const up = await startInOrderServer(t)
    const front = await Front.start(t, `forward . 127.0.0.1:${up.port}`)
    const before = countersOf(up)
    const udp = await front.ask('probe.test.', own)
    const tcp = await front.ask('probe.test.', { ...own, over: 'tcp' })
    for (const { rcode, error, answeredBy } of [udp, tcp]) {
      assert.deepEqual([rcode, error, answeredBy], [Rcode.NoError, null, 'forward'])
    }
    assert.deepEqual([up.counts.udpQueries, up.counts.tcpQueries], [1, 1])
    assert.equal(countersOf(up), before)
  })

  test('is asked once over each transport where nobody answers', async (t) => {
    const up = await dropsHinfo(t)
    const front = await Front.start(t, `forward . 127.0.0.1:${up.port}`)
    for (const over of ['udp', 'udp', 'tcp', 'tcp'] as const) {
      const { rcode, error } = await front.ask('probe.test.', { ...own, over })
      assert.equal(rcode, Rcode.ServFail)
      assert.equal(error, `127.0.0.1:${up.port} does not answer HINFO`)
    }
    assert.deepEqual([up.counts.udpQueries, up.counts.tcpQueries], [1, 1])
  })

  for (const forceTcp of ['', '{\nforce_tcp\n}']) {
    test(`keeps nobody waiting meanwhile ${forceTcp === '' ? 'over UDP' : 'over TCP'}`, async (t) => {
      const up = await dropsHinfo(t)
      const front = await Front.start(t, `forward . 127.0.0.1:${up.port} ${forceTcp}`)
      // One that has been measured: from now on the pool knows how long an answer takes.
      await front.ask('first.test.')
      const counters = upstreamCounters.get(`127.0.0.1:${up.port}`)
      const failed = counters.healthFailures
      const silent = front.ask('probe.test.', own)
      const transport = forceTcp === '' ? Transport.Udp : Transport.Tcp
      const dialled = counters.dialled[Transport.Tcp]
      for (let i = 0; i < 100; i++) {
        const { rcode, took } = await front.ask(`name${i}.test.`)
        assert.equal(rcode, Rcode.NoError)
        assert.ok(took < 1_000, `${took} ms`)
      }
      assert.ok(counters.dialled[Transport.Tcp]! <= dialled! + 1)
      assert.equal((await silent).rcode, Rcode.ServFail)
      assert.equal(counters.healthFailures, failed)
      const seen = transport === Transport.Udp ? up.counts.udpQueries : up.counts.tcpQueries
      // Few are repeated, for the machine's sake: all would be, if they waited for the silent one.
      assert.ok(seen >= 102 && seen < 152, `${seen} queries`)
      // Health checks come on top, where the machine made an answer late.
      assert.ok(counters.retries <= seen - 102, `${counters.retries} of ${seen}`)
    })
  }

  test('goes to the next upstream where one is not there', async (t) => {
    const up = await startInOrderServer(t)
    const closed = await freePort()
    const options = '{\npolicy sequential\n}'
    const front = await Front.start(
      t,
      `forward . 127.0.0.1:${closed} 127.0.0.1:${up.port} ${options}`,
    )
    assert.equal((await front.ask('probe.test.', own)).rcode, Rcode.NoError)
    assert.equal(up.counts.udpQueries, 1)
  })

  test('says why the upstream could not be asked', async (t) => {
    const closed = await freePort()
    const front = await Front.start(t, `forward . 127.0.0.1:${closed}`)
    const { rcode, error } = await front.ask('probe.test.', own)
    assert.equal(rcode, Rcode.ServFail)
    assert.equal(error, `127.0.0.1:${closed} cannot be asked for HINFO: connection refused`)
  })

  test('goes to the next forward, and with the flags it has', async (t) => {
    const flags: number[] = []
    const serviceMs = (query: Buffer): number => {
      flags.push(readFlags(query))
      return 0
    }
    const ups = [await startInOrderServer(t), await startInOrderServer(t, { serviceMs })]
    const [first, second] = ups.map(({ port }) => `forward . 127.0.0.1:${port}`)
    const front = await Front.start(t, `${first} {\nnext NOERROR\n}\n${second}`)
    await front.ask('probe.test.', { ...own, flags: Flag.RD | Flag.CD | Flag.AD })
    assert.deepEqual(flags, [Flag.RD | Flag.CD])
  })

  test('ends with its block', async (t) => {
    const up = await dropsHinfo(t)
    const front = await Front.start(t, `forward . 127.0.0.1:${up.port}`)
    const asked = front.ask('probe.test.', own)
    await front.stop()
    const { took } = await asked
    assert.ok(took < 1_500, `${took} ms`)
  })
})
