import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  age,
  between,
  bytes,
  count,
  counted,
  digits,
  duration,
  firstOf,
  names,
  percent,
  time,
} from '../../../src/admin/page/format.ts'

test('counts are grouped, and singular where there is one', () => {
  assert.deepEqual([0, 999, 1_000, 41_228_930].map(count), ['0', '999', '1,000', '41,228,930'])
  assert.equal(counted(1, 'query', 'queries'), '1 query')
  assert.equal(counted(1_200, 'query', 'queries'), '1,200 queries')
})

test('small numbers keep the digits that matter', () => {
  assert.deepEqual([0, 0.004, 0.25, 3.44, 12.7, 1_240.2].map(digits), [
    '0',
    '0.004',
    '0.25',
    '3.4',
    '13',
    '1,240',
  ])
})

test('all and nothing are said only of all and nothing', () => {
  assert.deepEqual([0, 0.0004, 0.001, 0.5, 0.999, 0.99951, 1].map(percent), [
    '0 %',
    '< 0.1 %',
    '0.1 %',
    '50 %',
    '99.9 %',
    '> 99.9 %',
    '100 %',
  ])
})

test('durations, ages and sizes are in the unit one would say', () => {
  assert.deepEqual([0.25, 4, 512, 1_024, 8_192].map(duration), [
    '0.25 ms',
    '4 ms',
    '512 ms',
    '1 s',
    '8.2 s',
  ])
  assert.deepEqual([-5, 900, 61_000, 3_600_000, 7_500_000, 90_000_000, 1e12].map(age), [
    '0 s',
    '1 s',
    '1 min',
    '1 h',
    '2 h 5 min',
    '1 d 1 h',
    '11,574 d 1 h',
  ])
  assert.deepEqual([0, 1_023, 1_536, 94_400_000, 3 * 2 ** 30].map(bytes), [
    '0 B',
    '1,023 B',
    '1.5 KiB',
    '90 MiB',
    '3 GiB',
  ])
})

test('a time has its date where that is not today', () => {
  const now = '2026-11-29T03:12:45.210Z'
  assert.equal(time(now, now).html, `<time datetime="${now}">03:12:45</time>`)
  assert.match(time('2026-11-28T23:59:59.000Z', now).html, />2026-11-28 23:59:59</)
  assert.match(time('<yesterday>', now).html, />&lt;yesterday&gt;</)
  assert.equal(between('2026-11-29T03:12:44.210Z', now), 1_000)
  assert.equal(between(now, '2026-11-29T03:12:44.210Z'), 0)
  assert.equal(between('never', now), 0)
})

test('long lists are cut, and how much is left out is said', () => {
  assert.deepEqual(firstOf([1, 2, 3], 2), { shown: [1, 2], more: 1 })
  assert.deepEqual(
    [[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map((list) => names(list)),
    ['', 'a', 'a and b', 'a, b and c', 'a, b, c and 1 more'],
  )
})
