import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import {
  columnsOf,
  lastSeconds,
  quantile,
  share,
  slowerThan,
} from '../../../src/admin/page/figures.ts'
import { step, trafficOf } from './fixtures.ts'

const numbered = trafficOf(7, (one, i) => ({
  ...one,
  queries: 10,
  hits: i,
  rcodes: i === 6 ? { NOERROR: 5, SERVFAIL: 2, REFUSED: 1, NXDOMAIN: 2 } : { NOERROR: 10 },
  latency: [i, 1],
}))
const traffic = { ...numbered, bounds: [0.001] }

describe('figures of some seconds', () => {
  test('are the sum of the last steps', () => {
    const { at, ...sum } = lastSeconds(traffic, 10)
    assert.equal(at, traffic.steps[5]!.at)
    assert.deepEqual(sum, {
      seconds: 10,
      queries: 20,
      hits: 11,
      answers: 20,
      failures: 3,
      rcodes: { NOERROR: 15, SERVFAIL: 2, REFUSED: 1, NXDOMAIN: 2 },
      latency: [11, 2],
    })
  })

  test('are of as many seconds as there are', () => {
    assert.equal(lastSeconds(traffic, 3_600).seconds, 35)
    assert.deepEqual(lastSeconds({ ...traffic, steps: [] }, 60).seconds, 0)
  })

  test('count no more hits than queries: the daemon hits its cache too', () => {
    const own = { ...traffic, steps: [{ ...step(0, 5), queries: 0, hits: 1 }] }
    assert.equal(lastSeconds(own, 5).hits, 0)
  })
})

test('columns end now, and the first takes what does not fill one', () => {
  const columns = columnsOf(traffic, 4)
  assert.deepEqual(
    columns.map(({ queries, seconds }) => [queries, seconds]),
    [
      [10, 5],
      [20, 10],
      [20, 10],
      [20, 10],
    ],
  )
  assert.equal(columnsOf(traffic, 100).length, 7)
  assert.deepEqual(columnsOf({ ...traffic, steps: [] }, 4), [])
})

test('a quantile is the bound under which that share certainly is', () => {
  const bounds = [0.001, 0.01]
  assert.equal(quantile([98, 1, 1], bounds, 0.5), 0.001)
  assert.equal(quantile([98, 1, 1], bounds, 0.99), 0.01)
  assert.equal(quantile([98, 1, 1], bounds, 0.999), Infinity)
  assert.equal(quantile([0, 0, 0], bounds, 0.5), null)
})

test('slow queries are those of buckets that lie beyond the time as a whole', () => {
  const bounds = [0.5, 1.024, 2.048]
  assert.equal(slowerThan([1, 10, 100, 1_000], bounds, 1), 1_100)
  assert.equal(slowerThan([1, 10, 100, 1_000], bounds, 0.5), 1_110)
  assert.equal(slowerThan([1, 10, 100, 1_000], bounds, 5), 0)
})

test('there is no share of nothing, and none above all', () => {
  assert.deepEqual([share(1, 4), share(0, 0), share(5, 4)], [0.25, null, 1])
})
