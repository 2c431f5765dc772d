import assert from 'node:assert/strict'
import test from 'node:test'

import {
  parseSchedstat,
  parseSleeps,
  parseStat,
  parseStatus,
  readCpuTime,
  readMemory,
  readSleeps,
} from '../../bench/proc.ts'

test('parseSchedstat() takes the time on a core', () => {
  assert.equal(parseSchedstat('30709334 2307719 77\n'), 30_709_334)
})

test('parseStat() is not confused by spaces and brackets in the command', () => {
  const stat = '42 (a) S b) R 1 42 42 0 -1 4194304 100 0 0 0 197 724 0 0 20 0 1 0 9 1 1\n'
  assert.deepEqual(parseStat(stat), { user: 197, system: 724 })
})

test('parseStatus() reads VmRSS and RssAnon', () => {
  const status = 'Name:\tx\nVmRSS:\t    2096 kB\nRssAnon:\t     152 kB\nRssFile:\t    1944 kB\n'
  assert.deepEqual(parseStatus(status), { rss: 2096, rssAnon: 152 })
})

test('parseSleeps() takes the voluntary switches alone', () => {
  const status = 'Threads:\t9\nvoluntary_ctxt_switches:\t1215\nnonvoluntary_ctxt_switches:\t7\n'
  assert.equal(parseSleeps(status), 1215)
})

test('readSleeps() grows when this process waits', () => {
  const before = readSleeps(process.pid)
  // Not a timer of Node's, which does not wait where it is late already.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
  assert.ok(readSleeps(process.pid) > before)
})

test('readCpuTime() grows while this process computes', () => {
  const before = readCpuTime(process.pid).nanoseconds
  const until = performance.now() + 20
  while (performance.now() < until);
  assert.ok(readCpuTime(process.pid).nanoseconds > before)
})

test('readMemory() agrees with what Node says about this process', () => {
  const { rss, rssAnon } = readMemory(process.pid)
  assert.ok(rss > process.memoryUsage.rss() / 1024 / 2)
  assert.ok(rssAnon > 0 && rssAnon < rss)
})
