import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AdminClient } from '../../../src/commands/admin-client.ts'
import { between, takeSample } from '../../../src/commands/top/snapshot.ts'
import { resolver, sampleAt, shown, upstream } from './samples.ts'

describe('what came between two samples', () => {
  test('as rates and shares', () => {
    assert.equal(shown.seconds, 2)
    assert.equal(shown.queriesPerSecond, 100)
    assert.equal(shown.hitRatio, 0.75)
    assert.deepEqual(shown.rcodes, [
      { name: 'NOERROR', share: 0.9 },
      { name: 'NXDOMAIN', share: 0.1 },
    ])
    assert.deepEqual(shown.sources, [
      { name: 'pods', share: 0.98 },
      { name: 'node', share: 0.02 },
    ])
  })

  test('expired answers as a share of all queries', () => {
    assert.equal(shown.staleRatio, 0)
    const after = sampleAt(11)
    const status = { ...after.status, totals: { ...after.status.totals, staleServed: 25 } }
    assert.equal(between(sampleAt(10), { ...after, status }).staleRatio, 0.25)
    assert.equal(between(null, after).staleRatio, null)
  })

  test('latency as the bounds of the buckets', () => {
    assert.deepEqual(shown.latencyMs, { p50: 0.25, p90: 0.5, p99: 8192 })
  })

  test('latency beyond the last bound', () => {
    const before = sampleAt(1)
    const latency = [...before.traffic.total.latency.slice(0, -1), 500]
    const total = { ...before.traffic.total, latency }
    const after = { ...before, traffic: { ...before.traffic, total } }
    assert.equal(between(before, after).latencyMs?.p50, Infinity)
  })

  test('the last minute in steps', () => {
    assert.equal(shown.history.length, 12)
    assert.deepEqual(shown.history.slice(0, 3), [0, 20, 40])
  })

  test('names with their rates; one that took over a counter does not begin with its error', () => {
    const [first, second] = shown.names
    assert.deepEqual(first, {
      name: 'api.shop.svc.cluster.local.',
      pod: '',
      count: 222_120,
      error: 0,
      share: 0.6,
      perSecond: 60,
    })
    assert.equal(second?.perSecond, 30)
    const before = sampleAt(10)
    const after = sampleAt(11)
    const names = [{ name: 'new.test.', count: 52, error: 50 }]
    const found = between(before, { ...after, top: { ...after.top, names } }).names
    assert.equal(found[0]?.perSecond, 2)
  })

  test('clients with their pods', () => {
    assert.deepEqual(
      shown.clients.map(({ name, pod }) => [name, pod]),
      [
        ['10.244.1.7', 'shop/web-6d4cf56db6-x2x9k'],
        ['fd00:244::17', ''],
      ],
    )
  })

  test('upstreams once each, those with a problem first; caches together', () => {
    assert.deepEqual(shown.upstreams, [resolver, upstream])
    assert.deepEqual(shown.cache, {
      success: { entries: 1_244, capacity: 19_968 },
      denial: { entries: 57, capacity: 19_968 },
      bytes: 3.25 * 2 ** 20,
      limitBytes: 50 * 2 ** 20,
    })
  })
})

describe('rates are unknown', () => {
  test('before there are two samples', () => {
    const first = between(null, sampleAt(10))
    assert.deepEqual(
      [first.seconds, first.queriesPerSecond, first.hitRatio, first.latencyMs, first.rcodes],
      [null, null, null, null, []],
    )
    assert.equal(first.names[0]?.perSecond, null)
  })

  test('where another process answers', () => {
    const after = sampleAt(11)
    const status = { ...after.status, pid: 1 }
    assert.equal(between(sampleAt(10), { ...after, status }).queriesPerSecond, null)
  })

  test('of what nobody asked for', () => {
    const same = between(sampleAt(10), { ...sampleAt(10), at: 11_000 })
    assert.equal(same.queriesPerSecond, 0)
    assert.equal(same.hitRatio, null)
    assert.equal(same.latencyMs, null)
    assert.deepEqual(same.rcodes, [])
    const top = { ...sampleAt(10).top, queries: 0 }
    assert.equal(between(null, { ...sampleAt(10), top }).names[0]?.share, 0)
  })
})

describe('a sample', () => {
  const clientOf = (answers: Readonly<Record<string, unknown>>): AdminClient =>
    ({
      socket: '/run/x.sock',
      get: (path: string) => Promise.resolve(answers[path]),
    }) as unknown as AdminClient
  const { status, top, traffic } = sampleAt(10)

  test('is what the daemon says at one moment', async () => {
    const client = clientOf({ '/v1/status': status, '/v1/top': top, '/v1/traffic': traffic })
    assert.deepEqual(await takeSample(client, () => 10_000), sampleAt(10))
  })

  for (const [what, answers] of [
    ['nothing', {}],
    ['other JSON', { '/v1/status': {}, '/v1/top': [], '/v1/traffic': 7 }],
    ['an older daemon', { '/v1/status': status, '/v1/top': top, '/v1/traffic': { steps: [] } }],
  ] as const) {
    test(`of ${what} is refused in a line`, async () => {
      await assert.rejects(
        takeSample(clientOf(answers), () => 0),
        {
          name: 'DnsletError',
          message: /^Cannot show what the daemon at \/run\/x\.sock answers: .*own version$/,
        },
      )
    })
  }
})
