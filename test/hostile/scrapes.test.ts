// Row 5: a pod scrapes /metrics hundreds of times a second, on the event loop that answers DNS.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireTools } from '../helpers/debian.ts'
import { full, PATIENCE_MS, percentile, probe, startVictim, watch } from './victim.ts'

const ATTACK_MS = full ? 20_000 : 3_000
const RATE = 400

const skip = requireTools('nsd')

describe(`${RATE} scrapes a second`, { skip }, () => {
  test('cost DNS nothing, and another scraper has its figures', async (t) => {
    const victim = await startVictim(t)
    const quiet = await watch(victim.port, delay(full ? 10_000 : 1_500))
    const before = await victim.metric('dnslet_metrics_renderings_total')
    const flood = spawn(
      process.execPath,
      [
        join(import.meta.dirname, 'scrape-flood-main.ts'),
        ...[victim.http, RATE, ATTACK_MS].map(String),
      ],
      { stdio: 'inherit' },
    )
    t.after(() => void flood.kill())
    const statuses: number[] = []
    const others = (async () => {
      const end = performance.now() + ATTACK_MS
      while (performance.now() < end) {
        statuses.push(await probe(victim.http, '/metrics', undefined, PATIENCE_MS + 1_000))
        statuses.push(await probe(victim.http, '/health'))
        await delay(100)
      }
    })()
    const seen = await watch(victim.port, Promise.all([once(flood, 'exit'), others]))
    for (const [name, one] of Object.entries({ quiet, seen })) {
      const [p50, p99] = [0.5, 0.99].map((part) => percentile(one, part).toFixed(2))
      t.diagnostic(`${name}: p50 ${p50} ms, p99 ${p99} ms, lost ${one.lost} of ${one.times.length}`)
    }
    const failed = statuses.filter((status) => status !== 200).length
    t.diagnostic(`${failed} of ${statuses.length} requests of another client failed`)
    const rendered = (await victim.metric('dnslet_metrics_renderings_total')) - before
    t.diagnostic(`${rendered} renderings`)
    assert.equal(seen.lost, 0)
    assert.equal(failed, 0)
    // The last is this test's own. The attack may run late.
    assert.ok(rendered > 1 && rendered <= ATTACK_MS / 1000 + 5, `${rendered} renderings`)
    const cut = await victim.metric('dnslet_http_cut_connections_total', 'rate')
    const [said] = [...victim.dnslet.process.output().matchAll(/HTTP connections a second/g)]
    assert.ok(cut > ATTACK_MS / 10 && said !== undefined, `${cut} cut`)
    // The gate's machine may be busy with other tests.
    if (full) assert.ok(percentile(seen, 0.99) <= percentile(quiet, 0.99) + 2)
  })
})
