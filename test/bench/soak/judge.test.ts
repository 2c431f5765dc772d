import assert from 'node:assert/strict'
import test from 'node:test'

import { medianSlope, memoryTrend, problemsOf } from '../../../bench/soak/judge.ts'
import { clientOf, failing, looksOf, serverOf } from './results.ts'

test('a run in which every query was answered rightly has no problems', () => {
  assert.deepEqual(problemsOf(serverOf()), [])
})

test('failed queries are a problem, with their kinds', () => {
  assert.deepEqual(problemsOf(serverOf({ client: failing() })), [
    'dnslet: 2 of 100 queries failed: 1 timeout, 1 SERVFAIL',
  ])
})

test('so are panics, queries that wait at the end, and a Corefile that was not loaded', () => {
  const client = clientOf({ metrics: { heap: null, entries: null, panics: 1, waiting: 3 } })
  assert.deepEqual(problemsOf(serverOf({ client, reloads: { written: 9, loaded: 8 } })), [
    'dnslet: 1 panics',
    'dnslet: 3 queries still wait for an upstream',
    'dnslet: 8 of 9 Corefiles were loaded',
  ])
})

test('a run that sent nothing is none', () => {
  const total = { sent: 0, answered: 0, failed: 0, latency: null }
  assert.deepEqual(problemsOf(serverOf({ client: clientOf({ total }) })), [
    'dnslet: no query was sent',
  ])
})

test('memory that rises through the second half is a problem, a steady one is not', () => {
  assert.deepEqual(problemsOf(serverOf({ looks: looksOf(1800, 15) })), [])
  assert.deepEqual(problemsOf(serverOf({ looks: looksOf(1800, 24) })), [
    'dnslet: the memory rises by 24.0 MiB an hour (6.0 MiB in the second half), more than 16',
  ])
})

test('what rises in the first half alone, as caches that fill do, is no problem', () => {
  const looks = looksOf(1800).map((look) => ({
    ...look,
    rss: look.rss + 40 * Math.min(look.second, 850),
  }))
  assert.deepEqual(problemsOf(serverOf({ looks })), [])
  assert.equal(memoryTrend(looks)?.perHour, 0)
})

test('a short run is not judged by its memory', () => {
  assert.equal(memoryTrend(looksOf(60, 1000)), null)
  assert.deepEqual(problemsOf(serverOf({ looks: looksOf(60, 1000) })), [])
})

test('descriptors that stay open are a problem', () => {
  const looks = looksOf(1800).map((look) => ({
    ...look,
    descriptors: 40 + Math.floor(look.second / 30),
  }))
  assert.deepEqual(problemsOf(serverOf({ looks })), [
    'dnslet: 30 descriptors more in the second half',
  ])
})

test('what a burst needs and gives back is no problem', () => {
  const looks = looksOf(1800).map((look) => {
    const isBusy = look.second % 200 > 100 || look.second > 1700
    return isBusy ? { ...look, rss: look.rss + 9000, descriptors: 400 } : look
  })
  assert.deepEqual(problemsOf(serverOf({ looks })), [])
})

test('a look that failed does not count', () => {
  const looks = looksOf(1800, 24).map((look, i) => (i % 9 === 0 ? { ...look, rss: NaN } : look))
  assert.equal(Math.round(memoryTrend(looks)?.perHour ?? NaN), 24)
})

test('the slope is that of most points, whatever a few say', () => {
  const points = Array.from({ length: 50 }, (_, x) => [x, 2 * x + 1] as [number, number])
  assert.equal(medianSlope(points), 2)
  points[10] = [10, 5000]
  points[40] = [40, -300]
  assert.equal(medianSlope(points), 2)
  assert.equal(medianSlope([[1, 1]]), 0)
})
