import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Rcode } from '../../src/wire/codes.ts'
import { Front } from '../plugins/forward/harness.ts'
import { honest, startScripted } from '../upstream/scripted.ts'
import { waitUntil } from '../helpers/processes.ts'
import { Flood } from './flood.ts'
import { full, startUnderAttack } from './under-attack.ts'

const QUERIES = full ? 10_000 : 1_000
/** Under way at once. */
const AT_ONCE = 10

test('a port that is seen tells little about the next queries', async (t) => {
  const upstream = await startScripted(t, honest)
  const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
  for (let n = 0; n < QUERIES; n += AT_ONCE) {
    const names = Array.from({ length: AT_ONCE }, (_, i) => `q${n + i}.test`)
    for (const reply of await Promise.all(names.map((name) => front.ask(name)))) {
      assert.equal(reply.rcode, Rcode.NoError)
    }
  }
  const uses = [...Map.groupBy(upstream.asked, ({ port }) => port).values()].map((a) => a.length)
  t.diagnostic(`${upstream.asked.length} queries from ${uses.length} ports`)
  assert.ok(uses.length > QUERIES / 5, `${uses.length} ports`)
  const most = Math.max(...uses)
  assert.ok(most <= 16, `one was used ${most} times; four, and the kernel may choose one again`)
})

for (const cache of ['', 'cache 30\n']) {
  test(`equal questions in flight are one, ${cache === '' ? 'without cache' : 'with'}`, async (t) => {
    const { port, upstream } = await startUnderAttack(t, `${cache}forward . UPSTREAM`)
    // All at once, and the upstream keeps silent: one has two attempts, and up to six where this takes long.
    const flood = new Flood(t, { port, from: '127.0.0.66', rate: 30_000, name: () => 'same.test' })
    await waitUntil('questions', async () => flood.sent >= 300)
    flood.stop()
    assert.ok(upstream.silent <= 6, `${upstream.silent} questions upstream for ${flood.sent}`)
  })
}
