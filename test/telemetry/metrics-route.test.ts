import assert from 'node:assert/strict'
import { test } from 'node:test'

import { metricsRoute } from '../../src/telemetry/metrics-route.ts'

test('a scrape is not cut because the node leaves no time for it', async () => {
  const extended: number[] = []
  const { status } = await metricsRoute({
    method: 'GET',
    accept: '',
    client: '192.0.2.1',
    query: new URLSearchParams(),
    extend: (ms) => extended.push(ms),
    body: () => Promise.resolve(Buffer.alloc(0)),
  })
  assert.equal(status, 200)
  const [meanwhile, afterwards] = extended
  assert.ok(meanwhile! >= 10_000, `${meanwhile} ms: Prometheus's own time-out is ten seconds`)
  assert.equal(afterwards, 0)
})
