import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ProbeReport } from './probe-report.ts'
import { DNSLET, LOST_AFTER_MS, Outcome, Samples, decodeSamples } from './samples.ts'

const KUBE_DNS = DNSLET + 1

/** Ten queries, 10 ms apart from 1,000 on: four by dnslet, three lost, three by kube-dns. */
function killedAfterForty(): Samples {
  const samples = new Samples(10)
  for (let i = 0; i < 10; i++) {
    const now = 1000 + 10 * i
    const index = samples.open(now)
    if (i < 4) samples.close(index, Outcome.Answered, now + 1, DNSLET, 30)
    if (i === 4) samples.close(index, Outcome.Refused, now)
    if (i >= 7) samples.close(index, Outcome.Answered, now + 2, KUBE_DNS, 3600)
  }
  samples.expire(1060 + LOST_AFTER_MS)
  return samples
}

test('a report counts outcomes and sides, and measures from an event', () => {
  const report = new ProbeReport(killedAfterForty())
  assert.equal(report.total, 10)
  assert.equal(report.failed, 3)
  assert.equal(report.count('Refused'), 1)
  assert.equal(report.count('Lost'), 2)
  assert.equal(report.answeredBy('dnslet'), 4)
  assert.equal(report.answeredBy('kube-dns', 1035), 3)
  assert.equal(report.failedBetween(1035, 1055), 2)
  assert.equal(report.firstAfter(1035, 'kube-dns'), 35)
  assert.equal(report.firstAfter(1035, 'dnslet'), null)
  assert.equal(report.lastFailureAfter(1035), 25)
  assert.equal(report.longestGap(), 40)
  assert.equal(report.slowest(), 2)
})

test('samples pass through bytes unchanged', () => {
  const samples = killedAfterForty()
  samples.connections.push({ at: 1040, what: 'reset' })
  const report = new ProbeReport(decodeSamples(samples.encode()))
  assert.equal(report.summary(1035), new ProbeReport(samples).summary(1035))
  assert.equal(report.connections('reset'), 1)
})

test('an answer after the time limit is a loss, and a second one changes nothing', () => {
  const samples = new Samples(2)
  const [late, twice] = [samples.open(0), samples.open(0)]
  samples.close(late, Outcome.Answered, LOST_AFTER_MS + 1, DNSLET)
  samples.close(twice, Outcome.Answered, 1, DNSLET)
  samples.close(twice, Outcome.Failed, 2)
  const report = new ProbeReport(samples)
  assert.equal(report.count('Lost'), 1)
  assert.equal(report.count('Answered'), 1)
  assert.equal(samples.pending, 0)
})

test('expire() gives up the old ones, and none that may still be answered', () => {
  const samples = new Samples(3)
  for (const now of [0, 10, 20]) samples.open(now)
  samples.expire(LOST_AFTER_MS + 10)
  assert.equal(samples.pending, 1)
  assert.equal(new ProbeReport(samples).count('Pending'), 1)
})
