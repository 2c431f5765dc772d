import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExplainedPath, Explanation, Status } from '../../../src/admin/api.ts'
import { renderExplanation } from '../../../src/commands/explain/render.ts'
import { searchHint } from '../../../src/commands/explain/search-hint.ts'

type Upstream = ExplainedPath['upstreams'][number]

const status = {
  version: '0.1.0',
  pid: 42,
  corefile: { refused: null },
  notReady: [] as readonly string[],
  interception: { state: 'active', addresses: ['169.254.20.10'], reason: null },
} as unknown as Status

function upstream(more: Partial<Upstream>): Upstream {
  return {
    address: '10.96.0.11:53',
    transport: 'tcp',
    problem: null,
    connections: 1,
    inFlight: 0,
    rttMs: 0.42,
    answers: 7,
    failures: 0,
    lastFailure: null,
    isNext: true,
    why: 'the only one',
    ...more,
  }
}

const answer = {
  name: 'a.test.',
  type: 'A',
  store: 'success',
  rcode: 'NOERROR',
  dnssecOk: true,
  checkingDisabled: true,
  ttl: -5,
  staleFor: 55,
  hits: 1,
  records: Array.from({ length: 14 }, (_, i) => `a.test. 30 IN A 192.0.2.${i}`),
} as const

function explained(path: Partial<ExplainedPath>, asked: Explanation['asked'] = null): Explanation {
  return {
    name: 'a.test.',
    type: 'A',
    asked,
    paths: [
      {
        listeners: ['dns://169.254.20.10:53'],
        block: { keys: ['.:53'], zone: '.' },
        plugins: [
          { name: 'bind', says: [], reached: true },
          { name: 'errors', says: [], reached: true },
          { name: 'cache', says: ['miss: the upstream is asked'], reached: true },
          { name: 'loadbalance', says: [], reached: true },
          { name: 'forward', says: ['asks an upstream'], reached: true },
        ],
        cached: [],
        upstreams: [upstream({})],
        ...path,
      },
    ],
  }
}

test('a miss: one line says what matters, then how it comes about', () => {
  assert.deepEqual(renderExplanation(explained({}), status, 'with the search list …'), [
    'a.test. A',
    '  now        cache: miss: the upstream is asked; next is 10.96.0.11:53',
    '  search     with the search list …',
    '  daemon     dnslet 0.1.0, process 42; intercepts 169.254.20.10; ready',
    '',
    '  listener   dns://169.254.20.10:53',
    '  block      .:53 (zone .)',
    '  plugins    bind, errors',
    '             cache        miss: the upstream is asked',
    '             loadbalance',
    '             forward      asks an upstream',
    '  cache      nothing for this question',
    '  upstreams  → 10.96.0.11:53 over tcp: up; the only one',
    '                 0.4 ms round trip; 1 connection, 0 under way; 7 answered, 0 failed',
  ])
})

test('dead upstreams, an expired answer and a suspended interception catch the eye', () => {
  const dead = upstream({
    problem: 'down: it does not answer health checks',
    rttMs: null,
    lastFailure: { what: 'read udp 10.96.0.11:53: i/o timeout', agoMs: 7_300_000 },
    isNext: false,
    why: 'passed over',
  })
  const suspended = {
    ...status,
    notReady: ['Interception is suspended'],
    interception: { state: 'suspended', addresses: [], reason: 'nobody answers' },
  } as unknown as Status
  const lines = renderExplanation(
    explained({ cached: [answer], upstreams: [dead, upstream({ address: '10.0.0.1:53' })] }),
    suspended,
    null,
  )
  for (const line of [
    '  now        cache: miss: the upstream is asked; next is 10.0.0.1:53; 1 of 2 down',
    '  daemon     dnslet 0.1.0, process 42; interception is SUSPENDED: nobody answers; NOT READY: Interception is suspended',
    '  cache      NOERROR, success (asked with DO and CD): expired 5 s ago, stale for 55 s; 1 hit',
    '               … and 2 more',
    '  upstreams    10.96.0.11:53 over tcp: DOWN: it does not answer health checks; passed over',
    '                 no round trip yet; 1 connection, 0 under way; 7 answered, 0 failed',
    '                 last failure 2 h ago: read udp 10.96.0.11:53: i/o timeout',
  ]) {
    assert.ok(lines.includes(line), `${line}\n\n${lines.join('\n')}`)
  }
  const [, all] = renderExplanation(explained({ upstreams: [dead, dead] }), status, null)
  assert.match(all!, /EVERY UPSTREAM IS DOWN \(2 of 2\)$/)
  const [, two] = renderExplanation(
    explained({ upstreams: [upstream({}), upstream({ address: 'b' })] }),
    status,
    null,
  )
  assert.match(two!, /next is one of 10\.96\.0\.11:53, b$/)
})

test('an earlier Corefile than the one that is there', () => {
  const refused = { ...status, corefile: { refused: { at: '', reason: 'Corefile:3 - no' } } }
  const lines = renderExplanation(explained({}), refused as unknown as Status, null)
  assert.equal(lines[3], '             AN EARLIER COREFILE IS SERVED: Corefile:3 - no')
})

test('a kube-dns ConfigMap that is not used', () => {
  const told = [true, false].map((isEarlierServed) => {
    const refusedKubeDns = { at: '', reason: 'stubDomains: no', isEarlierServed }
    const refused = { ...status, corefile: { refusedKubeDns } } as unknown as Status
    return renderExplanation(explained({}), refused, null)[3]
  })
  assert.deepEqual(told, [
    '             AN EARLIER KUBE-DNS CONFIGMAP IS USED: stubDomains: no',
    '             NO KUBE-DNS CONFIGMAP IS USED: stubDomains: no',
  ])
})

test('who answers before an upstream is asked, and who does not at all', () => {
  const now = (path: Partial<ExplainedPath>): string =>
    renderExplanation(explained(path), status, null)[1]!.slice(13)
  const acl = { name: 'acl', says: ['block net *: every client'], reached: true }
  const rest = { name: 'forward', says: [], reached: false }
  assert.equal(now({ plugins: [acl, rest] }), 'acl: block net *: every client')
  assert.equal(now({ block: null }), 'REFUSED: no server block serves this name')
  const hit = { name: 'cache', says: ['hit'], reached: true }
  const dead = [upstream({ problem: 'down' })]
  assert.equal(now({ plugins: [hit, rest] }), 'cache: hit')
  assert.equal(
    now({ plugins: [hit, rest], upstreams: dead }),
    'cache: hit; EVERY UPSTREAM IS DOWN (1 of 1)',
  )
  assert.equal(now({ plugins: [acl, rest], upstreams: dead }), 'acl: block net *: every client')
  assert.equal(now({ plugins: [], upstreams: [] }), 'no plugin of its block has a say in it')
  const forward = { name: 'forward', says: ['asks an upstream'], reached: true }
  assert.equal(now({ plugins: [forward], upstreams: [] }), 'asks an upstream; it has no upstream')
  const none = {
    ...status,
    interception: { state: 'none', addresses: [], reason: '' },
  } as unknown as Status
  const lines = renderExplanation(explained({ block: null }), none, null)
  assert.equal(lines.at(-1), '  block      none serves this name: REFUSED')
  assert.match(lines[2]!, /no interception/)
})

test('what was asked comes first, with its steps and its answer', () => {
  const asked = {
    rcode: 'NOERROR',
    plugin: 'forward',
    isStale: false,
    milliseconds: 1.25,
    records: ['a.test. 30 IN A 192.0.2.1'],
    steps: [
      { atMs: 0, what: 'asked dns://:53' },
      { atMs: 1.2, what: 'forward: \u001b[31mx' },
    ],
  }
  const lines = renderExplanation(explained({}, asked), status, null)
  assert.equal(lines[1], '  now        NOERROR from forward, 1 record in 1.25 ms')
  assert.deepEqual(lines.slice(-4), [
    '',
    '  steps           0.00 ms  asked dns://:53',
    '                  1.20 ms  forward: \\x1b[31mx',
    '  answer     a.test. 30 IN A 192.0.2.1',
  ])
  assert.ok(lines.some((line) => line.startsWith('  cache was  nothing')))
  const stale = renderExplanation(
    explained({}, { ...asked, plugin: 'cache', isStale: true }),
    status,
    null,
  )
  assert.equal(stale[1], '  now        NOERROR from cache (expired), 1 record in 1.25 ms')
  const dropped = { ...asked, rcode: '', plugin: '', records: [] }
  assert.match(renderExplanation(explained({}, dropped), status, null)[1]!, /no answer, 0 records/)
})

test('a search list is told as the resolver would use it', () => {
  const conf =
    'nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local\noptions ndots:5 edns0\n'
  const all = 'kube.default.svc.cluster.local., kube.svc.cluster.local.'
  assert.equal(
    searchHint('kube', conf),
    `with the search list of resolv.conf here (ndots 5), a resolver asks for ${all}, kube. in turn`,
  )
  assert.match(
    searchHint('a.b', 'domain one.test.\n')!,
    /\(ndots 1\), a resolver asks for a\.b\., a\.b\.one\.test\. in turn$/,
  )
  assert.match(searchHint('a', 'search x\noptions ndots:99')!, /ndots 15/)
  assert.equal(searchHint('a.', conf), null)
})

test('where there is none, what a pod would do with a short name', () => {
  const hint = /^the name is taken as it stands; pods try their search list first/
  for (const conf of [null, 'search .\n', 'nameserver 127.0.0.1\n']) {
    assert.match(searchHint('a', conf)!, hint)
    assert.equal(searchHint('a.', conf), null)
    assert.notEqual(searchHint('web.shop.svc', conf), null)
    assert.equal(searchHint('web.shop.svc.cluster.local', conf), null)
  }
})
