import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { readQueryFilter } from '../../../src/admin/watch/query-filter.ts'
import { Watch } from '../../../src/admin/watch/watch.ts'
import { spectator } from '../../../src/serve/spectator.ts'
import { Rcode } from '../../../src/wire/codes.ts'
import { type Seen, seenQuery } from './seen.ts'

const noPods = (): string => ''
const all = readQueryFilter(new URLSearchParams())
const clocks = { now: () => 5_000, wallClock: () => Date.UTC(2026, 10, 29, 3) }

function see(...queries: readonly Seen[]): void {
  for (const one of queries) spectator.seen?.(seenQuery(one))
}

afterEach(() => {
  spectator.seen = null
})

test('queries are looked at from the first question for it to a minute after the last', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const watch = new Watch(clocks)
  assert.equal(spectator.seen, null)
  assert.deepEqual(watch.top(5, noPods), {
    since: '2026-11-29T03:00:00.000Z',
    queries: 0,
    names: [],
    nxdomainNames: [],
    clients: [],
  })
  see({ name: 'a.test' })
  t.mock.timers.tick(59_000)
  assert.equal([...watch.queries(all, noPods)].length, 1)
  t.mock.timers.tick(59_000)
  assert.ok(watch.isOn)
  assert.notEqual(spectator.seen, null)
  t.mock.timers.tick(1_000)
  assert.equal(watch.isOn, false)
  assert.equal(spectator.seen, null)
  assert.deepEqual([...watch.queries(all, noPods)], [], 'it begins anew')
  watch.stop()
})

describe('the most frequent', () => {
  test('names, NXDOMAIN names and clients', () => {
    const watch = new Watch(clocks)
    watch.top(1, noPods)
    see({ name: 'a.test' }, { name: 'A.TEST' }, { name: 'a.test', client: 'fd00::7' })
    see({ name: 'no.test', rcode: Rcode.NXDomain }, { name: 'no.test', rcode: Rcode.NXDomain })
    see({ rcode: Rcode.FormErr, client: '10.244.1.9' })
    const pods = new Map([['fd00::7', 'shop/web-1']])
    const top = watch.top(2, (address) => pods.get(address) ?? '')
    assert.equal(top.queries, 6)
    assert.deepEqual(top.names, [
      { name: 'a.test.', count: 3, error: 0 },
      { name: 'no.test.', count: 2, error: 0 },
    ])
    assert.deepEqual(top.nxdomainNames, [{ name: 'no.test.', count: 2, error: 0 }])
    assert.deepEqual(
      watch
        .top(5, (address) => pods.get(address) ?? '')
        .clients.toSorted((a, b) => (a.address < b.address ? -1 : 1)),
      [
        { address: '10.244.1.7', pod: '', count: 4, error: 0 },
        { address: '10.244.1.9', pod: '', count: 1, error: 0 },
        { address: 'fd00::7', pod: 'shop/web-1', count: 1, error: 0 },
      ],
    )
    watch.stop()
  })

  test('without questions of the daemon itself and those inside others', () => {
    const watch = new Watch(clocks)
    watch.top(1, noPods)
    see({ name: 'own.test', change: { own: true } }, { name: 'inner.test', change: { depth: 1 } })
    assert.equal(watch.top(1, noPods).queries, 0)
    assert.deepEqual([...watch.queries(all, noPods)], [])
    watch.stop()
  })

  test('among more names than there is memory for', () => {
    const watch = new Watch(clocks)
    watch.top(1, noPods)
    for (let i = 0; i < 20_000; i++) {
      see({ name: i % 10 === 0 ? 'often.test' : `x${i}.test`, client: `10.${i % 250}.1.1` })
    }
    const [first] = watch.top(1, noPods).names
    assert.equal(first?.name, 'often.test.')
    assert.ok(first.count >= 2_000 && first.count - first.error <= 2_000)
    assert.ok(first.error <= 20_000 / 512)
    watch.stop()
  })
})

test('a query took the time from its arrival until it is seen, at the time of day as it is then', () => {
  let wall = 20_000
  const watch = new Watch({ now: () => 1_250, wallClock: () => wall })
  watch.top(1, noPods)
  // The clock is set, or the machine was suspended.
  wall = 50_000
  see({ name: 'a.test', change: { receivedAt: 1_000 } })
  const [query] = watch.queries(all, noPods)
  assert.equal(query?.milliseconds, 250)
  assert.equal(query.at, '1970-01-01T00:00:50.000Z')
  watch.stop()
})
