import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { lostPackets, verdictOf } from '../../../../src/commands/bench/report/verdict.ts'
import type { BenchResult, Run } from '../../../../src/load/result.ts'
import { type Manner, resultOf } from './synthetic.ts'

const direct: Manner = {
  label: 'glibc at 10.96.0.10:53',
  server: '10.96.0.10:53',
  client: 'glibc',
  medianMs: 2,
}
const lossy: Manner = { ...direct, lostOneIn: 1000 }
const local: Manner = { ...direct, label: 'glibc at 169.254.20.10:53', medianMs: 0.3 }

function changed(result: BenchResult, fields: Partial<Run>): BenchResult {
  return { ...result, runs: result.runs.map((run) => ({ ...run, ...fields })) }
}

describe('the headline', () => {
  test('counts what was over the limit, of one run', () => {
    const { kind, headline } = verdictOf(resultOf([lossy]))
    assert.equal(kind, 'over')
    assert.equal(headline, '12 of 12,000 look-ups took 5 s or more (0.1 %).')
  })

  test('says with which run, and how many had none', () => {
    const { headline } = verdictOf(resultOf([lossy, { ...direct, client: 'serial' }, local]))
    assert.equal(
      headline,
      '12 of 36,000 look-ups took 5 s or more: 12 of 12,000 with glibc at 10.96.0.10:53, none in 2 other runs.',
    )
  })

  test('names the worst runs, and counts the others', () => {
    const runs = [500, 1000, 2000, 3000, 4000, 6000].map((lostOneIn, i) => ({
      ...lossy,
      label: `run ${i}`,
      lostOneIn,
    }))
    const { headline } = verdictOf(resultOf(runs))
    assert.match(
      headline,
      /: 24 of 12,000 with run 0, 12 .* run 1, 6 .* run 2, 4 .* run 3, the rest/,
    )
    assert.match(headline, /the rest in 2 other runs\.$/)
  })

  test('gives the slowest where none was over the limit', () => {
    const { kind, headline } = verdictOf(resultOf([local]))
    assert.equal(kind, 'within')
    assert.match(
      headline,
      /^None of 12,000 look-ups took 5 s or more: the slowest took 1\.\d+ ms\.$/,
    )
  })

  test('says what failed where nothing was slow', () => {
    const { kind, headline, findings } = verdictOf(resultOf([{ ...local, failOneIn: 100 }]))
    assert.equal(kind, 'failed')
    assert.equal(headline, 'None of 12,000 look-ups took 5 s or more, but 120 failed (1 %).')
    assert.deepEqual(findings, [
      '120 look-ups failed: 120 got an answer that says no, such as SERVFAIL.',
    ])
  })

  test('does not praise a run in which nothing ended', () => {
    const none = { requests: 0, overLimit: 0, latency: null, histogram: [], timeline: [] }
    for (const result of [changed(resultOf([local]), none), resultOf([])]) {
      const { kind, headline } = verdictOf(result)
      assert.equal(kind, 'nothing')
      assert.equal(headline, 'Nothing was measured: no look-up ended.')
    }
  })
})

describe('findings', () => {
  test('tell lost packets by their time-out', () => {
    const musl: Manner = { ...lossy, label: 'musl', client: 'musl', lostOneIn: 1500, stepMs: 2500 }
    const { findings } = verdictOf(resultOf([lossy, musl]))
    assert.equal(findings.length, 1)
    assert.match(
      findings[0]!,
      /^12 of 12 look-ups over 3 s with glibc at \S+ came after its time-out of 5 s, /,
    )
    assert.match(
      findings[0]!,
      / 8 of 8 look-ups over 1\.5 s with musl came after its time-out of 2\.5 s\. That/,
    )
  })

  test('count runs beyond the first four', () => {
    const runs = Array.from({ length: 6 }, (_, i) => ({ ...lossy, label: `run ${i}` }))
    assert.match(
      verdictOf(resultOf(runs)).findings[0]!,
      / with run 3 came .*, and so in 2 other runs\. /,
    )
  })

  test('say how much of it there is where it was ended early', () => {
    const { findings } = verdictOf(resultOf([local], { interrupted: true, seconds: 12.2 }))
    assert.match(findings[0]!, /^It was ended after 12\.2 s of 30 s a run/)
  })

  test('warn of a tester without CPU', () => {
    const { findings } = verdictOf(changed(resultOf([local]), { lag: { p99: 42, max: 90 } }))
    assert.match(findings[0]!, /^The tester was short of CPU: .* 42 ms late/)
  })
})

describe('lostPackets()', () => {
  const [run] = resultOf([lossy]).runs as [Run]

  test('sees second and later time-outs', () => {
    const [twice] = resultOf([{ ...lossy, stepMs: 10_000 }]).runs as [Run]
    assert.deepEqual(lostPackets(twice), { timeoutMs: 5000, behind: 12, slow: 12 })
  })

  test('sees the gap of answers that are slow as well', () => {
    const [slow] = resultOf([{ ...direct, medianMs: 1200, lostOneIn: 3 }]).runs as [Run]
    const { behind = 0, slow: all = 0 } = lostPackets(slow) ?? {}
    assert.ok(behind >= 4000 && all - behind < 500, `${behind} of ${all}`)
  })

  test('is no slow server', () => {
    for (const medianMs of [4000, 20_000]) {
      const [slow] = resultOf([{ ...direct, medianMs }]).runs as [Run]
      assert.ok(slow.overLimit > 1000)
      assert.equal(lostPackets(slow), null)
    }
  })

  test('is nobody who answers', () => {
    assert.equal(lostPackets({ ...run, errors: { timeout: 12 }, errorCount: 12 }), null)
  })

  test('is not seen in bins that are too wide, or with a client that never asks again', () => {
    const wide = [
      { upperMs: 1000, count: 11_988 },
      { upperMs: 10_000, count: 12 },
    ]
    assert.equal(lostPackets({ ...run, histogram: wide }), null)
    assert.equal(lostPackets({ ...run, client: 'raw' }), null)
    assert.equal(lostPackets({ ...run, histogram: [] }), null)
  })
})
