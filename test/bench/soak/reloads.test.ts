import assert from 'node:assert/strict'
import test from 'node:test'

import { soakCorefile } from '../../../bench/soak/corefile.ts'
import { parseMetrics } from '../../../bench/soak/read-metrics.ts'
import { Reloads } from '../../../bench/soak/reloads.ts'

/** A server of which only the output matters. */
function serverThatSays(output: () => string): ConstructorParameters<typeof Reloads>[0] {
  const running = { pid: 1, output, ended: () => null, stop: () => Promise.resolve() }
  return {
    name: 'dnslet',
    running,
    address: { host: '127.0.0.1', port: 53 },
    metrics: null,
    edit: () => {},
  }
}

test('reloads are counted in what a server logs, of which the beginning may be gone', () => {
  let output = 'started\n'
  const reloads = new Reloads(serverThatSays(() => output))
  reloads.write()
  reloads.count()
  assert.deepEqual(reloads.figures(), { written: 1, loaded: 0 })
  output += 'Reloading\nReloading complete\n'
  reloads.count()
  reloads.count()
  output = (output + 'x'.repeat(100) + '\nReloading complete\n').slice(20)
  assert.deepEqual(reloads.figures(), { written: 1, loaded: 2 })
})

test('every second edition of the Corefile has a block more, and its places are filled in', () => {
  const place = {
    bind: ['127.0.0.1'],
    port: 5300,
    clusterDns: '127.0.0.11:5301',
    upstreamDns: '127.0.0.21:5302',
    metrics: '127.0.0.1:5303',
    health: '127.0.0.1:5304',
    reloadSeconds: 2,
  }
  const [first, second, third] = [0, 1, 2].map((edition) => soakCorefile(place, edition))
  assert.equal(first, third)
  assert.equal(second?.replace(/^corp[^]*/m, ''), first)
  assert.match(first!, /^cluster\.local:5300 \{$/m)
  assert.match(first!, /^ +reload 2s 1s$/m)
  assert.doesNotMatch(second!, /PILLAR|:53 |:9253|169\.254/)
})

test('metrics are those of dnslet or of Go, summed up over their labels', () => {
  const ours =
    'nodejs_heap_size_used_bytes 2e7\ncoredns_panics_total 0\ndnslet_waiting_queries 3\n' +
    'coredns_cache_entries{type="success"} 5\ncoredns_cache_entries{type="denial"} 2\n'
  assert.deepEqual(parseMetrics(ours), { heap: 2e7, entries: 7, panics: 0, waiting: 3 })
  const go =
    'go_memstats_heap_inuse_bytes 5\ncoredns_panics_total{a="1"} 1\ncoredns_panics_total{a="2"} 2\n'
  assert.deepEqual(parseMetrics(go), { heap: 5, entries: null, panics: 3, waiting: null })
})
