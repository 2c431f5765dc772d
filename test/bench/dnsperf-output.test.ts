import assert from 'node:assert/strict'
import test from 'node:test'

import { countUnexpected, parseLatencies, parseReport } from '../../bench/dnsperf-output.ts'

const output = `DNS Performance Testing Tool
Version 2.10.0

[Status] Command line: dnsperf -p 5300 -d storm
[Status] Sending queries (to 127.0.0.1:5300)
> NOERROR a.bench.test. A 0.000182
> T b.bench.test. A
> NXDOMAIN c.bench.test. A 0.001500
[Status] Testing complete (end of file)

Statistics:

  Queries sent:         5000
  Queries completed:    4998 (99.96%)
  Queries lost:         2 (0.04%)

  Response codes:       NOERROR 2500 (50.02%), NXDOMAIN 2490 (49.82%), SERVFAIL 8 (0.16%)
  Average packet size:  request 34, response 50
  Run time (s):         1.000198
  Queries per second:   4997.010556

  Average Latency (s):  0.000064 (min 0.000014, max 0.002991)
  Latency StdDev (s):   0.000120

`

test('parseReport() reads the statistics', () => {
  assert.deepEqual(parseReport(output), {
    sent: 5000,
    completed: 4998,
    lost: 2,
    rcodes: { NOERROR: 2500, NXDOMAIN: 2490, SERVFAIL: 8 },
    seconds: 1.000198,
    queriesPerSecond: 4997.010556,
  })
})

test('parseReport() reads a run without any answer', () => {
  const silent = output.replace(/Response codes: .*/, 'Response codes:       ')
  assert.deepEqual(parseReport(silent).rcodes, {})
})

test('parseReport() rejects output that ends early, and names what is missing', () => {
  const cut = output.slice(0, output.indexOf('  Queries lost'))
  assert.throws(() => parseReport(cut), /Cannot read dnsperf's output: no "Queries lost"/)
})

test('countUnexpected() counts the answers with other response codes', () => {
  const report = parseReport(output)
  assert.equal(countUnexpected(report, ['NOERROR', 'NXDOMAIN']), 8)
  assert.equal(countUnexpected(report, ['NOERROR']), 2498)
})

test('parseLatencies() returns microseconds and leaves timeouts out', () => {
  assert.deepEqual([...parseLatencies(output)].map(Math.round), [182, 1500])
})
