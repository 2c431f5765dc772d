import assert from 'node:assert/strict'
import test from 'node:test'

import { formatReport } from '../../bench/report.ts'
import { results } from './results.ts'

const lines = formatReport(results).split('\n')

function row(heading: RegExp, server: string): string {
  const start = lines.findIndex((line) => heading.test(line))
  return lines.slice(start).find((line) => line.startsWith(`${server} `)) ?? ''
}

test('formatReport() shows medians with their ranges', () => {
  const expected =
    /^dnslet +1,000 \[1,000–1,000\] +5\.00 \[4\.00–6\.00\] +1\.00 +3\.00 +0\.25 +88 % +81 +200 +1000 \[1000–1000\] +3 +0 +60\.0 \[60\.0–60\.0\] +20\.0 \[20\.0–20\.0\]$/
  assert.match(row(/^Hits/, 'dnslet'), expected)
})

test('formatReport() shows no latency where none was measured', () => {
  assert.match(row(/^Memory/, 'unbound'), / - +- +- +0 +0 /)
})

test('formatReport() compares dnslet with the peer, not the peer with dnslet', () => {
  const heading = /^CPU per query relative to unbound/
  assert.match(row(heading, 'dnslet'), /^dnslet +0\.63 \[0\.50–0\.75\] +0\.42 \[0\.33–0\.50\]$/)
  assert.ok(!lines.some((line) => line.includes('relative to dnslet')))
})

test('formatReport() compares the worst latencies, where they were measured', () => {
  assert.match(row(/^p99\.9 relative to unbound/, 'dnslet'), /^dnslet +0\.40 \[0\.33–0\.40\] +-$/)
})

test('formatReport() of starts alone has no empty tables', () => {
  const text = formatReport({ ...results, samples: [] })
  assert.match(text, /From start to first answer/)
  assert.doesNotMatch(text, /relative to|Throughput|NaN|Infinity/)
})

test('formatReport() without starts leaves their table out', () => {
  assert.doesNotMatch(formatReport({ ...results, starts: [] }), /From start/)
})

test('formatReport() tells how long each server took to start', () => {
  assert.match(row(/^From start/, 'unbound'), /^unbound +55 \[50–60\]$/)
})

test('formatReport() tells versions and how much the idle servers disturbed', () => {
  assert.equal(lines.at(0), 'dnslet 0.1.0, unbound 1.17.1, nsd 4.6.1.')
  assert.ok(lines.includes('Idle servers used at most 0.02 % of that core.'))
})
