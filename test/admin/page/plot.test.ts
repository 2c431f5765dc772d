import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import {
  bars,
  heatCells,
  LEVELS,
  niceCeiling,
  plot,
  steps,
  thresholds,
} from '../../../src/admin/page/plot.ts'

describe('bars', () => {
  test('stand on the ground, one column each, none where there is nothing', () => {
    assert.equal(bars([0.5, 0, 1]), 'M0 100V50h10V100zM20 100V0h10V100z')
  })

  test('stand on others, and end at the top', () => {
    assert.equal(bars([0.25, 0.9], [0.5, 0.5]), 'M0 50V25h10V50zM10 50V0h10V50z')
  })
})

test('a line has a gap where there is no value', () => {
  assert.equal(steps([0, 1, null, 0.5]), 'M0 100h10V0h10M30 50h10')
  assert.equal(steps([null, null]), '')
})

describe('the heat map', () => {
  test('goes from one query to the most in equal ratios', () => {
    assert.deepEqual(thresholds(10_000_000), [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000])
    assert.equal(thresholds(10_000_000).length, LEVELS)
  })

  test('has fewer colours where there are fewer counts, and none for nothing', () => {
    assert.deepEqual([thresholds(0), thresholds(1), thresholds(3)], [[], [1], [1, 2, 3]])
  })

  test('has time from left to right and slow queries on top', () => {
    // Two columns of four buckets: 25 units a row.
    const cells = heatCells(
      [
        [5, 0, 0, 1],
        [0, 2, 0, 0],
      ],
      [1, 5],
    )
    assert.deepEqual(cells, ['M10 50h10v25h-10zM0 0h10v25h-10z', 'M0 75h10v25h-10z'])
  })

  test('draws every query that there was, however few among many', () => {
    const columns = Array.from({ length: 120 }, (_, i) =>
      Array.from({ length: 17 }, (__, row) => (row === 16 && i === 60 ? 1 : row === 0 ? 1e6 : 0)),
    )
    const cells = heatCells(columns, thresholds(1e6))
    assert.equal(cells[0], 'M600 0h10v5.88h-10z')
    assert.equal(cells.at(-1), 'M0 94.12h1200v5.88h-1200z')
  })
})

test('scales end at round numbers', () => {
  assert.deepEqual(
    [0, NaN, 0.03, 1, 3, 21, 240, 501].map(niceCeiling),
    [1, 1, 0.05, 1, 5, 25, 250, 1_000],
  )
})

test('a chart says what it shows to who cannot see it, and hints lie over the columns at its end', () => {
  const { html } = plot({
    kind: 'low',
    title: 'A & B',
    summary: '3 at most',
    columns: 4,
    paths: [
      { of: 'hits', d: 'M0 0' },
      { of: 'misses', d: '' },
    ],
    lines: [1],
    hints: ['one', '<two>'],
    labels: ['1', '0'],
  })
  assert.match(html, /<svg role="img" aria-label="A &amp; B. 3 at most" viewBox="0 0 40 100"/)
  assert.match(html, /<path class="line" d="M0 0H40"\/>/)
  assert.doesNotMatch(html, /class="misses"/)
  assert.match(html, /d="M20 0h10v100h-10z"><title>one<.*d="M30 0h10v100h-10z"><title>&lt;two&gt;</)
})
