import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Transport, UpstreamCounters } from '../../src/upstream/counters.ts'
import { Health, type HealthOptions } from '../../src/upstream/health.ts'
import { answerTo, eventually, honest, type Scripted, silent, startScripted } from './scripted.ts'

function options({ port }: Scripted, more: Partial<HealthOptions> = {}): HealthOptions {
  return {
    endpoint: { host: '127.0.0.1', port },
    source: '127.0.0.1',
    domain: '.',
    recursionDesired: true,
    maxFails: 1,
    interval: 50,
    counters: new UpstreamCounters(),
    changed: () => {},
    ...more,
  }
}

describe('Health', () => {
  for (const transport of [Transport.Udp, Transport.Tcp]) {
    const over = transport === Transport.Tcp ? 'tcp' : 'udp'
    test(`asks for the NS records of the root over ${over}; any answer will do`, async (t) => {
      const upstream = await startScripted(t, ({ wire, reply }) => reply(answerTo(wire, 0x8185, 0)))
      const o = options(upstream)
      const health = new Health(transport, o)
      health.suspect()
      health.suspect()
      await upstream.waitFor(1)
      assert.equal(upstream.asked[0]!.over, over)
      const { wire } = upstream.asked[0]!
      assert.equal(wire.toString('hex', 2), '01000001000000000000' + '00' + '00020001')
      // The next suspicion is looked into again, but not at once.
      await eventually(() => {
        health.suspect()
        return upstream.asked.length === 2
      }, 'another probe')
      assert.equal(o.counters.healthFailures, 0)
      assert.ok(!health.down)
      health.close()
    })

    test(`is down after more than max_fails failures over ${over}, up with an answer`, async (t) => {
      const upstream = await startScripted(t, honest)
      await upstream.close()
      const changes: boolean[] = []
      const o = options(upstream, { changed: (down) => changes.push(down) })
      const health = new Health(transport, o)
      t.after(() => health.close())
      health.suspect()
      await eventually(() => health.down, 'down')
      assert.ok(o.counters.healthFailures >= 2)
      await startScripted(t, honest, upstream.port)
      await eventually(() => !health.down, 'up')
      assert.deepEqual(changes, [true, false])
    })
  }

  test('an answer to a query proves as much as a probe', async (t) => {
    const upstream = await startScripted(t, honest)
    await upstream.close()
    const health = new Health(Transport.Tcp, options(upstream))
    t.after(() => health.close())
    health.suspect()
    await eventually(() => health.down, 'down')
    health.proven()
    assert.ok(!health.down)
  })

  test('with max_fails 0 nothing is probed', async (t) => {
    const upstream = await startScripted(t, silent)
    const health = new Health(Transport.Udp, options(upstream, { maxFails: 0 }))
    const probed = new Health(Transport.Udp, options(upstream))
    health.suspect()
    probed.suspect()
    await upstream.waitFor(1)
    assert.equal(upstream.asked.length, 1)
    probed.close()
  })

  test('garbage is no answer', async (t) => {
    const upstream = await startScripted(t, ({ reply }) => reply(Buffer.alloc(20)))
    const o = options(upstream)
    const health = new Health(Transport.Tcp, o)
    health.suspect()
    await eventually(() => o.counters.healthFailures === 1, 'a failure')
    health.close()
  })

  test('close() ends a probe under way', async (t) => {
    const upstream = await startScripted(t, silent)
    const o = options(upstream)
    const health = new Health(Transport.Tcp, o)
    health.suspect()
    await upstream.waitFor(1)
    health.close()
    await eventually(() => upstream.open === 0, 'closed')
    health.suspect()
    assert.equal(o.counters.healthFailures, 0)
  })
})
