import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type {
  BlockStatus,
  InterceptionStatus,
  LoggedLine,
  Status,
  TrafficStep,
} from '../../../src/admin/api.ts'
import { findingsOf } from '../../../src/admin/page/findings.ts'
import { verdictOf } from '../../../src/admin/page/verdict-section.ts'
import {
  ago,
  block,
  deadUpstream,
  healthy,
  justStarted,
  manyBlocks,
  suspended,
  trafficOf,
  upstream,
} from './fixtures.ts'

const { status, traffic } = healthy

function logged(at: string, level: LoggedLine['level'], text: string): LoggedLine {
  return { at, first: at, count: 1, level, text }
}

/** `level: what` of what is found where the healthy status is changed so. */
function found(change: Partial<Status>, steps: Partial<TrafficStep> = {}): string[] {
  const seen = {
    status: { ...status, ...change },
    traffic: trafficOf(120, (one) => ({ ...one, ...steps })),
  }
  return findingsOf(seen).map(({ level, what }) => `${level}: ${what}`)
}

const inState = (state: InterceptionStatus['state'], more: Partial<Status> = {}): string[] =>
  found({ interception: { ...status.interception, state, reason: 'because' }, ...more })

describe('nothing is found', () => {
  test('where all is well', () => {
    assert.deepEqual(findingsOf(healthy), [])
    assert.deepEqual(verdictOf(healthy), { state: 'well', headline: 'All is well', findings: [] })
  })

  test('in warnings, and in errors of more than five minutes ago', () => {
    const errors = [logged(ago(1), 'warning', 'w'), logged(ago(301), 'error', 'e')]
    assert.deepEqual(found({ errors }), [])
  })

  test('in few failures, and in shares of few answers', () => {
    assert.deepEqual(found({}, { rcodes: { NOERROR: 100_000, SERVFAIL: 900 } }), [])
    // 12 steps are a minute: 12 answers, half of them failures.
    assert.deepEqual(found({}, { rcodes: { NOERROR: 0.5, SERVFAIL: 0.5 } }), [])
  })
})

describe('interception', () => {
  test('suspended is a problem, and says why and what /ready says once', () => {
    const [first] = findingsOf(suspended)
    assert.equal(first?.what, 'Queries of this node go to kube-dns, not here')
    assert.equal(first.detail, `${suspended.status.interception.reason}; Interception is suspended`)
    assert.deepEqual(inState('suspended', { notReady: ['because'] }), [
      'problem: Queries of this node go to kube-dns, not here',
    ])
  })

  test('that waits is a problem once the start is over', () => {
    const what = 'Queries of this node are not led here yet: kube-dns answers them'
    assert.deepEqual(inState('waiting'), [`problem: ${what}`])
    assert.deepEqual(inState('waiting', { startedAt: ago(59) }), [`notice: ${what}`])
  })

  test('that has ended is worth a notice', () => {
    assert.match(inState('withdrawn').join(), /^notice: This dnslet is being stopped/)
    assert.match(inState('left').join(), /^notice: Another dnslet serves this node/)
    const interception = { ...status.interception, state: 'none', addresses: [] } as const
    assert.deepEqual(found({ interception }), [])
  })

  test('that has not begun waits, where the flags want it', () => {
    assert.match(inState('none').join(), /^problem: Queries of this node are not led here yet/)
  })
})

test('who is not ready says so; while it starts that is no problem', () => {
  const notReady = ['health: x', 'y']
  assert.deepEqual(found({ notReady }), ['problem: Not ready: /ready says no'])
  assert.deepEqual(found({ notReady, startedAt: ago(5) }), ['notice: Not ready: /ready says no'])
  assert.equal(verdictOf(justStarted).headline, 'Not ready yet')
})

test('the last good Corefile is a problem, that of standard input has no path', () => {
  const corefile = { ...status.corefile, isLastGood: true }
  assert.deepEqual(found({ corefile }), ['problem: /etc/dnslet/Corefile cannot be served'])
  assert.deepEqual(found({ corefile: { ...corefile, path: null } }), [
    'problem: The Corefile cannot be served',
  ])
})

test('a Corefile that was refused while another is served is a problem, too, with the reason', () => {
  const refused = { at: ago(60), reason: 'Corefile:3 - no' }
  const corefile = { ...status.corefile, refused }
  const [first, ...others] = findingsOf({ ...healthy, status: { ...status, corefile } })
  assert.deepEqual(others, [])
  assert.equal(`${first?.level}: ${first?.what}`, 'problem: /etc/dnslet/Corefile cannot be served')
  assert.match(first?.detail ?? '', /^Corefile:3 - no\. Queries are answered by the last good one/)
})

test('so is a kube-dns ConfigMap that cannot be used, with what is served instead', () => {
  const details = [true, false].map((isEarlierServed) => {
    const refusedKubeDns = {
      at: ago(120),
      reason: '/etc/kube-dns/stubDomains: no',
      isEarlierServed,
    }
    const corefile = { ...status.corefile, refusedKubeDns }
    assert.deepEqual(found({ corefile }), ['problem: The kube-dns ConfigMap cannot be used'])
    return findingsOf({ ...healthy, status: { ...status, corefile } })[0]?.detail
  })
  assert.deepEqual(details, [
    '/etc/kube-dns/stubDomains: no. Since 2 min what was valid before is served.',
    '/etc/kube-dns/stubDomains: no. Since 2 min names of its stub domains are asked for elsewhere.',
  ])
})

describe('upstreams', () => {
  const dead = upstream('10.0.0.1:53', { problem: 'no answer' })

  test('none of which answers for a block are a problem, also where others serve other blocks', () => {
    const findings = findingsOf(deadUpstream)
    assert.equal(findings[0]?.what, 'No upstream answers for cluster.local:53 and in-addr.arpa:53')
    assert.equal(
      findings[0].detail,
      '10.96.0.11:53: three probes in a row without an answer. Only what the cache still has is answered.',
    )
    assert.ok(
      findings.some(
        ({ level, what }) =>
          level === 'notice' && what === 'Some upstreams of .:53 are in trouble, others answer',
      ),
    )
  })

  test('of many blocks are told in a few words', () => {
    const { what, detail } = findingsOf(manyBlocks)[0]!
    assert.equal(
      what,
      'No upstream answers for tenant-995.example:53, tenant-996.example:53, tenant-997.example:53 and 2 more',
    )
    assert.match(detail, / and 7 more\. Only/)
  })

  test('that are missing are no problem: not every block asks somebody', () => {
    assert.deepEqual(found({ blocks: [block(['.:53'], { upstreams: [] })] }), [])
    assert.match(
      found({ blocks: [block([], { upstreams: [dead] })] }).join(),
      /for a block without a name$/,
    )
  })
})

describe('of the answers of the last minute', () => {
  test('one in a hundred is a notice, one in twenty a problem', () => {
    const share = (failed: number, rcode = 'SERVFAIL'): string[] =>
      found({}, { rcodes: { NOERROR: 100 - failed, [rcode]: failed } })
    assert.deepEqual(share(1), ['notice: 1 % of the answers of the last minute are SERVFAIL'])
    assert.deepEqual(share(5), ['problem: 5 % of the answers of the last minute are SERVFAIL'])
    assert.deepEqual(share(9, 'REFUSED'), [
      'problem: 9 % of the answers of the last minute are REFUSED',
    ])
    assert.deepEqual(share(90, 'NXDOMAIN'), [])
    assert.deepEqual(share(96, 'NXDOMAIN'), [
      'notice: 96 % of the answers of the last minute are NXDOMAIN',
    ])
  })

  test('slow ones name the upstreams that are', () => {
    const latency = Array.from({ length: 17 }, (_, i) => (i === 0 || i === 13 ? 50 : 0))
    const detail = (upstreams: BlockStatus['upstreams']): string | undefined =>
      findingsOf({
        status: { ...status, blocks: [block(['.:53'], { upstreams })] },
        traffic: trafficOf(120, (one) => ({ ...one, latency })),
      })[0]?.detail
    const quick = upstream('10.0.0.1:53', { rttMs: 499 })
    const late = upstream('10.0.0.2:53', { rttMs: 1_500 })
    assert.match(detail([quick]) ?? '', /\. Round trips and waiting queries/)
    assert.match(detail([quick, late]) ?? '', /\. 10\.0\.0\.2:53 takes 1\.5 s: it answers late/)
  })

  test('few from a full cache are a notice, as long as somebody asks', () => {
    const filled = (entries: number, hits: number, queries = 100): string[] => {
      const fill = { entries, capacity: 10 }
      const cache = { success: fill, denial: { ...fill, entries: 0 }, bytes: 1 }
      return found({ blocks: [block(['.:53'], { cache })] }, { queries, hits })
    }
    assert.deepEqual(filled(9, 0), [])
    assert.deepEqual(filled(10, 50), [])
    assert.deepEqual(filled(10, 0, 10), [])
    assert.deepEqual(filled(10, 49), [
      'notice: A cache of .:53 is full, and 49 % of the queries of the last minute were answered from it',
    ])
  })

  test('slow ones count by what the buckets say for sure', () => {
    const latency = (slow: number, bucket: number): number[] =>
      Array.from({ length: 17 }, (_, i) => (i === 0 ? 100 - slow : i === bucket ? slow : 0))
    assert.deepEqual(found({}, { latency: latency(2, 13) }), [
      'notice: 2 % of the answers of the last minute took over 1 s',
    ])
    assert.deepEqual(found({}, { latency: latency(7, 16) }), [
      'problem: 7 % of the answers of the last minute took over 1 s',
    ])
    // The bucket of 512 ms to 1.024 s.
    assert.deepEqual(found({}, { latency: latency(50, 12) }), [])
  })
})

test('memory near its limit is a notice', () => {
  const used = (rssBytes: number, limitBytes: number | null): string[] =>
    found({ memory: { ...status.memory, rssBytes, limitBytes } })
  assert.deepEqual(used(1e9, null), [])
  assert.deepEqual(used(90, 100), [])
  assert.deepEqual(used(91 * 2 ** 20, 100 * 2 ** 20), [
    'notice: 91 MiB of 100 MiB of memory are in use',
  ])
})

describe('silence', () => {
  const nothing = { queries: 0, hits: 0, rcodes: {}, latency: [] }
  const silent = (seconds: number | null, more: Partial<Status> = {}): string[] =>
    found({ totals: { ...status.totals, secondsSinceLastClientQuery: seconds }, ...more }, nothing)

  test('of five minutes is a notice', () => {
    assert.deepEqual(silent(299), [])
    assert.deepEqual(silent(300), ['notice: No client has asked for 5 min'])
  })

  test('since the start counts from there', () => {
    assert.deepEqual(silent(null, { startedAt: ago(299) }), [])
    assert.deepEqual(silent(null, { startedAt: ago(420) }), [
      'notice: No client has asked since the start, 7 min',
    ])
  })

  test('is not claimed of who has just answered', () => {
    const totals = { ...status.totals, secondsSinceLastClientQuery: null }
    assert.deepEqual(found({ totals }), [])
  })

  test('is no wonder while kube-dns answers', () => {
    assert.equal(silent(900, suspended.status).length, findingsOf(suspended).length)
  })
})

test('errors of the last minutes are a notice, and a fatal one is a problem', () => {
  const errors = [logged(ago(10), 'error', 'the newest'), logged(ago(20), 'error', 'x')]
  assert.deepEqual(found({ errors }), ['notice: 2 kinds of errors in the log within five minutes'])
  assert.equal(findingsOf({ status: { ...status, errors }, traffic })[0]?.detail, 'the newest')
  assert.deepEqual(found({ errors: [logged(ago(10), 'fatal', 'end')] }), [
    'problem: 1 kind of error in the log within five minutes',
  ])
})

test('problems come first and give the page its name', () => {
  const { state, headline, findings } = verdictOf(deadUpstream)
  assert.deepEqual([state, headline], ['problem', '3 problems'])
  assert.deepEqual(
    findings.map(({ level }) => level),
    ['problem', 'problem', 'problem', 'notice', 'notice'],
  )
  const silent = { ...status, totals: { ...status.totals, secondsSinceLastClientQuery: 900 } }
  const nobody = { ...traffic, steps: [] }
  assert.equal(verdictOf({ status: silent, traffic: nobody }).headline, 'Works, with 1 notice')
})
