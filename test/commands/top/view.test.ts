import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bytes, duration, percent, rate, sparkline } from '../../../src/commands/top/figures.ts'
import { between, type Snapshot } from '../../../src/commands/top/snapshot.ts'
import { drawTop } from '../../../src/commands/top/view.ts'
import { sampleAt, shown } from './samples.ts'

function page(
  snapshot: Snapshot,
  columns: number,
  rows: number,
  problem: string | null = null,
): string {
  return drawTop(snapshot, { columns, rows }, problem)
    .map(({ text }) => text)
    .join('\n')
}

describe('a page', () => {
  test('of 80 columns', () => {
    assert.equal(
      page(shown, 80, 24),
      `dnslet 0.1.0 on worker-7, process 4711, up 61 min, 04:05:47 UTC
Interception is active (tun, nft): 169.254.20.10 10.96.0.10
Trouble   upstream 192.0.2.53:53 udp: down: it does not answer health checks
Queries   100/s   hits 75.0%   ▁▂▃▄▅▆▇█▁▂▃▄ 60 s, peak 140/s
Latency   p50 <=0.25 ms   p90 <=0.5 ms   p99 <=8.2 s
Rcodes    NOERROR 90.0%   NXDOMAIN 10.0%
Clients   pods 98.0%   node 2.0%   last query 0.3 s ago
Cache     1,244 of 19,968 answers   57 of 19,968 denials   3.3 MiB of 50.0 MiB

NAMES since 03:04              /s share  NXDOMAIN                       /s share
api.shop.svc.cluster.loca…   60.0 60.0%  api.shop.svc.cluster.loca…   10.0 10.0%
example.com.                 30.0 30.0%

CLIENTS                        /s share  UPSTREAMS           conns waits  rtt ms
10.244.1.7 shop/web-6d4cf…   70.0 70.0%  192.0.2.53:53 udp down: it does not an…
fd00:244::17                 30.0 30.0%  10.96.0.11:53 tcp       4     2     1.2`,
    )
  })

  test('of 40 columns has one list below the other', () => {
    assert.equal(
      page(shown, 40, 19),
      `dnslet 0.1.0 on worker-7, process 4711,…
Interception is active (tun, nft): 169.…
Trouble   upstream 192.0.2.53:53 udp: d…
Queries   100/s   hits 75.0%   ▁▂▃▄▅▆▇█…
Latency   p50 <=0.25 ms   p90 <=0.5 ms …
Rcodes    NOERROR 90.0%   NXDOMAIN 10.0%
Clients   pods 98.0%   node 2.0%   last…
Cache     1,244 of 19,968 answers   57 …

NAMES since 03:04               /s share
api.shop.svc.cluster.local.   60.0 60.0%

NXDOMAIN                        /s share

CLIENTS                         /s share
10.244.1.7 shop/web-6d4cf5…   70.0 70.0%

UPSTREAMS            conns waits  rtt ms
192.0.2.53:53 udp down: it does not ans…`,
    )
  })

  test('of a daemon that nobody asks', () => {
    const sample = sampleAt(0)
    const status = {
      ...sample.status,
      node: '',
      interception: { ...sample.status.interception, state: 'suspended', reason: 'nobody answers' },
      notReady: ['Suspended'],
      blocks: [],
      totals: { ...sample.status.totals, sources: {}, secondsSinceLastClientQuery: null },
    } as const
    const top = { ...sample.top, queries: 0, names: [], nxdomainNames: [], clients: [] }
    const traffic = { ...sample.traffic, steps: [] }
    assert.equal(
      page(between(null, { ...sample, status, top, traffic }), 80, 24),
      `dnslet 0.1.0, process 4711, up 0.0 s, 03:04:05 UTC
Interception is suspended (tun, nft): nobody answers. Not ready: Suspended
Queries   -/s   hits -
Latency   -
Rcodes    -
Clients   nobody has asked yet
Cache     0 of 0 answers   0 of 0 denials   3.3 MiB of 50.0 MiB

NAMES since 03:04              /s share  NXDOMAIN                       /s share

CLIENTS                        /s share  UPSTREAMS           conns waits  rtt ms`,
    )
  })

  test('of a daemon whose upstreams are well, and of one that lives on expired answers', () => {
    const well = { ...shown, upstreams: shown.upstreams.filter(({ problem }) => problem === null) }
    assert.doesNotMatch(page(well, 80, 24), /Trouble/)
    const stale = {
      ...shown,
      staleRatio: 0.5,
      upstreams: [shown.upstreams[0]!, shown.upstreams[0]!],
    }
    assert.match(page(stale, 120, 24), /^Trouble .* health checks, and 1 more$/m)
    assert.match(page(stale, 80, 24), /hits 75\.0%, expired 50\.0% /)
  })

  test('of a daemon with a refused Corefile and a slow upstream', () => {
    const upstreams = shown.upstreams.map((one) => ({ ...one, problem: null, rttMs: 1_503.2 }))
    const text = page({ ...shown, refusedCorefile: 'Corefile:3 - no', upstreams }, 120, 24)
    assert.match(text, /^Trouble {3}Corefile refused: Corefile:3 - no$/m)
    const other = page({ ...shown, refusedKubeDns: 'Invalid config: stubDomains: no' }, 120, 24)
    assert.match(other, /^Trouble {3}kube-dns ConfigMap refused: stubDomains: no$/m)
    const both = '192\\.0\\.2\\.53:53 takes 1503 ms, 10\\.96\\.0\\.11:53 takes 1503 ms'
    assert.match(text, new RegExp(`^Trouble {3}slow upstreams: ${both}$`, 'm'))
  })

  test('without interception', () => {
    const interception = { ...shown.interception, state: 'none', reason: 'the flags' } as const
    assert.match(page({ ...shown, interception }, 80, 24), /\nIntercepts nothing\n/)
  })

  test('tells why its figures are old', () => {
    const text = page(shown, 80, 24, 'Cannot ask the daemon')
    assert.match(text, /\nCannot ask the daemon\nTrouble/)
  })

  test('gives one list the lines that others do not need', () => {
    const names = Array.from({ length: 30 }, (_, i) => ({
      ...shown.names[0]!,
      name: `n${i}.test.`,
    }))
    const lines = page({ ...shown, names }, 80, 24).split('\n')
    assert.equal(lines.length, 24)
    assert.match(lines[19]!, /^n9\.test\./)
    assert.match(lines[21]!, /^CLIENTS/)
  })

  test('has ten entries of a list where nothing bounds it', () => {
    const names = Array.from({ length: 30 }, (_, i) => ({
      ...shown.names[0]!,
      name: `n${i}.test.`,
    }))
    const text = page({ ...shown, names }, 80, Infinity)
    assert.match(text, /^n9\.test\./m)
    assert.doesNotMatch(text, /^n10\.test\./m)
  })

  test('keeps to its size, whatever that is', () => {
    const names = Array.from({ length: 99 }, () => ({ ...shown.names[0]!, name: 'x'.repeat(255) }))
    for (const columns of [1, 24, 40, 71, 72, 80, 81, 200]) {
      for (const rows of [1, 6, 10, 17, 24, 60]) {
        const lines = drawTop({ ...shown, names, clients: names }, { columns, rows }, null)
        assert.ok(lines.length <= Math.max(rows, 6), `${lines.length} lines of ${rows}`)
        for (const { text } of lines) assert.ok(text.length <= Math.max(columns, 24), text)
      }
    }
  })
})

test('nothing that others have written reaches the terminal as it is', () => {
  const evil = '\u001b]0;owned\u0007\u001b[2J\r\n\u202emoc.live\u0000\u009b31m\ud800 表'
  const hostile: Snapshot = {
    ...shown,
    node: evil,
    version: evil,
    interception: { ...shown.interception, addresses: [evil] },
    rcodes: [{ name: evil, share: 1 }],
    names: [{ ...shown.names[0]!, name: evil }],
    clients: [{ ...shown.clients[0]!, pod: evil }],
    upstreams: [{ ...shown.upstreams[0]!, address: evil, problem: evil }],
  }
  for (const problem of [null, evil]) {
    const lines = drawTop(hostile, { columns: 500, rows: 24 }, problem)
    for (const { text } of lines) assert.match(text, /^[ -~▁-█…]*$/)
  }
})

describe('figures', () => {
  for (const [text, expected] of [
    [rate(null), '-'],
    [rate(0), '0'],
    [rate(0.254), '0.25'],
    [rate(12.34), '12.3'],
    [rate(1_234.5), '1,235'],
    [percent(null), '-'],
    [percent(1), '100.0%'],
    [bytes(0), '0 KiB'],
    [bytes(1.5 * 2 ** 20), '1.5 MiB'],
    [duration(0.04), '0.0 s'],
    [duration(61), '61 s'],
    [duration(200), '3 min'],
    [duration(3 * 3600 + 60), '3 h 1 min'],
    [duration(50 * 3600), '2 d 2 h'],
    [sparkline([0, 0]), '▁▁'],
    [sparkline([0, 1, 2, 4]), '▁▃▅█'],
  ] as const) {
    test(expected, () => assert.equal(text, expected))
  }
})
