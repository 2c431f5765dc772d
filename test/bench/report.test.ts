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

test('formatReport() begins with the CPU times, the user part of each, and the memory', () => {
  const start = lines.findIndex((line) => line === 'At a glance')
  assert.ok(start < lines.findIndex((line) => line.startsWith('Hits')))
  assert.match(row(/^At a glance/, 'hits'), /^hits +5\.00 \(1\.00\) +8\.00 \(1\.00\)$/)
  assert.match(row(/^At a glance/, 'full'), /MiB +60\.0 \/ 20\.0 +60\.0 \/ 20\.0$/)
  assert.match(row(/^At a glance/, 'idle:'), /second +2\.00 +0\.13$/)
  assert.match(row(/^p50/, 'hits'), /^hits +81 \/ 200 +81 \/ 200$/)
})

test('formatReport() compares dnslet with the peer, not the peer with dnslet', () => {
  const heading = /^CPU per query relative to unbound/
  assert.match(row(heading, 'hits'), /^hits +0\.63 \[0\.50–0\.75\]$/)
  assert.match(row(heading, 'memory'), /^memory +0\.42 \[0\.33–0\.50\]$/)
  assert.ok(!lines.some((line) => line.includes('relative to dnslet')))
})

test('formatReport() compares the worst latencies, where they were measured', () => {
  const heading = /^p99\.9 relative to unbound/
  assert.match(row(heading, 'hits'), /^hits +0\.40 \[0\.33–0\.40\]$/)
  assert.match(row(heading, 'memory'), /^memory +-$/)
})

test('formatReport() tells what idle servers use', () => {
  assert.match(
    row(/^Idle, after/, 'dnslet'),
    /^dnslet +2\.00 \[1\.50–2\.50\] +25\.0 \[20\.0–30\.0\]$/,
  )
})

test('formatReport() of starts alone has no empty tables', () => {
  const text = formatReport({ ...results, samples: [], idles: [] })
  assert.match(text, /From start to first answer/)
  assert.doesNotMatch(text, /relative to|Throughput|NaN|Infinity/)
})

test('formatReport() without starts and idle servers leaves their tables out', () => {
  const text = formatReport({ ...results, starts: [], idles: [] })
  assert.doesNotMatch(text, /From start|[Ii]dle, after|idle:/)
})

test('formatReport() tells how long each server took to start', () => {
  assert.match(row(/^From start/, 'unbound'), /^unbound +55 \[50–60\]$/)
})

test('formatReport() tells versions and how much the idle servers disturbed', () => {
  assert.equal(lines.at(0), 'dnslet 0.1.0, unbound 1.17.1, nsd 4.6.1.')
  assert.ok(lines.includes('Idle servers used at most 0.02 % of that core.'))
})
