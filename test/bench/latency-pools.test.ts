import assert from 'node:assert/strict'
import test from 'node:test'

import { LatencyPools } from '../../bench/latency-pools.ts'

test('LatencyPools takes the percentiles of all runs of a server in a scenario', () => {
  const pools = new LatencyPools()
  pools.add('hits', 'dnslet', Float64Array.of(3, 1))
  pools.add('hits', 'unbound', Float64Array.of(7))
  pools.add('hits', 'dnslet', Float64Array.of(2))
  pools.add('memory', 'dnslet', new Float64Array())
  assert.deepEqual(pools.percentiles(), [
    { scenario: 'hits', server: 'dnslet', latency: { p50: 2, p99: 3, p999: 3 } },
    { scenario: 'hits', server: 'unbound', latency: { p50: 7, p99: 7, p999: 7 } },
  ])
})
