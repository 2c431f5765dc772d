import assert from 'node:assert/strict'
import test from 'node:test'

import { formatReport } from '../../../bench/soak/report.ts'
import { clientOf, failing, looksOf, resultOf, serverOf } from './results.ts'

test('the report is a page: all servers, the judged one stretch by stretch, and the verdict', () => {
  const peer = serverOf({ name: 'unbound', reloads: null, client: clientOf({ metrics: null }) })
  assert.equal(
    formatReport(resultOf(serverOf(), peer)),
    `Soak of 10 minutes, 2,000 queries/s to each server, in a node.
Corefile changed every 60 s, a kube-dns pod restarted every 120 s. Servers ran side by side: the
machine's 2 cores were busy 50 % of the time, 38 % with this soak.
Times in ms; CPU: µs per query; memory in MiB; MiB/h: how RSS changed in the second half.

server        sent  failed   p50   p99  p99.9  max  CPU  misses   RSS  RssAnon  MiB/h  files  reloads  restarts
-------  ---------  ------  ----  ----  -----  ---  ---  ------  ----  -------  -----  -----  -------  --------
dnslet   1,200,000       0  0.50  2.35     13   20  100    20 %  60.0     30.7    0.0     40      9/9         4
unbound  1,200,000       0  0.50  2.35     13   20  100    20 %  60.0     30.7    0.0     40        -         4

dnslet, stretch by stretch. Its client's timers were 0.20 ms late (99 of 100 times), 3.00 at most.

until     sent  failed   p50   p99  p99.9  max  CPU  waited   RSS  RssAnon  heap  entries  files
-----  -------  ------  ----  ----  -----  ---  ---  ------  ----  -------  ----  -------  -----
1:00   120,000       0  0.50  2.35     13   20  100     1 %  60.0     30.7  20.0    9,984     40
2:00   120,000       0  0.50  2.35     13   20  100     1 %  60.0     30.7  20.0    9,984     40

dnslet: every query was answered, and rightly. Its memory changed by 0.0 MiB an hour, 16 are allowed.
`,
  )
})

test('failures of any server are named, with their time', () => {
  const report = formatReport(resultOf(serverOf(), serverOf({ name: 'other', client: failing() })))
  assert.match(
    report,
    /\n\nother failed \(1 timeout, 1 SERVFAIL\), the first of it:\n  1:05  a\.test A: timeout\n  1:05  a\.test AAAA: SERVFAIL\n\ndnslet: every query/,
  )
})

test('those of the judged one are the verdict', () => {
  const report = formatReport(resultOf(serverOf({ client: failing() })))
  assert.match(report, /\n\nNot well:\n  dnslet: 2 of 100 queries failed: 1 timeout, 1 SERVFAIL\n$/)
})

test('a short run, and one that was interrupted, say so', () => {
  const result = resultOf(serverOf({ looks: looksOf(30) }))
  const report = formatReport({ ...result, seconds: 30, interrupted: true })
  assert.match(report, /^Soak of 30 seconds \(interrupted\), /)
  assert.match(report, /The run was too short to judge its memory\. It was interrupted\.\n$/)
})

test('a server without figures has dashes', () => {
  const total = { sent: 0, answered: 0, failed: 0, latency: null }
  const client = clientOf({ total, intervals: [], metrics: null })
  const report = formatReport(resultOf(serverOf({ client, looks: [] })))
  assert.match(report, /\ndnslet +0 +0 +- +- +- +- +- +- +- +- +- +- +9\/9 +4\n/)
})
