// Each examination, with facts that a test made up: what is well, and everything that can be wrong.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { InterceptionStatus, Status } from '../../../src/admin/api.ts'
import { examinations } from '../../../src/commands/doctor/examinations.ts'
import type { Facts } from '../../../src/commands/doctor/facts.ts'
import type { Finding, Severity } from '../../../src/commands/doctor/finding.ts'
import { examine, exitStatus } from '../../../src/commands/doctor/run.ts'
import type { Unread } from '../../../src/host/readings/reading.ts'
import type { UpstreamState } from '../../../src/serve/inspection.ts'
import {
  answered,
  conntrack,
  counters,
  failed,
  healthyFacts,
  LOCAL,
  rights,
  server,
  status,
  upstream,
  VIP,
} from './healthy-facts.ts'

/** Every id that any case of this file was told. */
const told = new Set<string>()

function look(changes: Partial<Facts>): readonly Finding[] {
  const findings = examine(examinations, healthyFacts(changes))
  for (const { id } of findings) told.add(id)
  return findings
}

function daemonSays(changes: Partial<Status>): Pick<Facts, 'daemon'> {
  const { daemon } = healthyFacts()
  return { daemon: { ...daemon, status: { value: status(changes) } } }
}

function interceptionIs(changes: Partial<InterceptionStatus>): Pick<Facts, 'daemon'> {
  return daemonSays({ interception: { ...status().interception, ...changes } })
}

const healthy = healthyFacts()
const unasked = { why: 'no socket' }
const [process0] = healthy.daemon.processes
const { value: network } = healthy.network as Extract<Facts['network'], { value: unknown }>
const file = { nameservers: ['192.0.2.53'], search: [], ndots: 1, options: [], ignored: [] }
const pod: Partial<Facts> = {
  place: { kind: 'pod', signs: ['KUBERNETES_SERVICE_HOST'] },
  own: null,
}
const legacy = { kind: 'legacy', ipv4: 'iptables-legacy', ipv6: 'ip6tables-legacy' } as const
const nft = { kind: 'nft', ipv4: 'iptables-nft', ipv6: 'ip6tables-nft' } as const
const noRules = {
  backend: nft,
  ours: 0,
  nodeCache: 0,
  unconditional: [],
  packets: null,
  usedByKubernetes: true,
  hasServices: true,
}
const silent = { totals: { ...status().totals, secondsSinceLastClientQuery: 4_000 } }
const absent = (path: string) => ({ path, state: 'absent', detail: 'ENOENT' }) as const

/** Name of the case, what is different, and what has to be found. */
const cases: readonly (readonly [string, Partial<Facts>, Severity, string])[] = [
  [
    'no dnslet',
    { daemon: { status: unasked, socket: null, processes: [] } },
    'broken',
    'daemon-missing',
  ],
  [
    'a stopped dnslet',
    { daemon: { ...healthy.daemon, processes: [{ ...process0!, state: 'T' }] } },
    'broken',
    'daemon-frozen',
  ],
  [
    'a dnslet that may not be asked',
    { daemon: { ...healthy.daemon, status: unasked } },
    'unknown',
    'daemon-unasked',
  ],
  [
    '/ready says no',
    daemonSays({ notReady: ['No interception yet'] }),
    'warning',
    'daemon-not-ready',
  ],
  [
    'the last good Corefile',
    daemonSays({ corefile: { ...status().corefile, path: null, isLastGood: true } }),
    'broken',
    'daemon-last-good',
  ],
  [
    'a Corefile that was refused while another is served',
    daemonSays({
      corefile: { ...status().corefile, refused: { at: 'noon', reason: 'Corefile:3 - no' } },
    }),
    'broken',
    'daemon-last-good',
  ],
  ...[true, false].map(
    (isEarlierServed) =>
      [
        `a refused ConfigMap, ${isEarlierServed ? 'an' : 'no'} earlier one`,
        daemonSays({
          corefile: {
            ...status().corefile,
            refusedKubeDns: {
              at: 'noon',
              reason: '/etc/kube-dns/stubDomains: no',
              isEarlierServed,
            },
          },
        }),
        'broken',
        'daemon-kube-dns',
      ] as const,
  ),
  [
    'little memory left',
    daemonSays({ memory: { ...status().memory, rssBytes: 91, limitBytes: 100 } }),
    'warning',
    'daemon-memory',
  ],
  [
    'two dnslets',
    { daemon: { ...healthy.daemon, processes: [process0!, { ...process0!, pid: null }] } },
    'warning',
    'two-daemons',
  ],
  [
    'it waits',
    interceptionIs({ state: 'waiting', reason: 'no answer' }),
    'broken',
    'interception-waiting',
  ],
  [
    'it is suspended',
    interceptionIs({ state: 'suspended', reason: 'x' }),
    'broken',
    'interception-suspended',
  ],
  ['it has left', interceptionIs({ state: 'left' }), 'warning', 'interception-ended'],
  ['it was withdrawn', interceptionIs({ state: 'withdrawn' }), 'warning', 'interception-ended'],
  ['it does not intercept', interceptionIs({ state: 'none' }), 'ok', 'interception-off'],
  ['it uses iptables', interceptionIs({ rules: 'iptables' }), 'ok', 'interception'],
  ['rules hang', interceptionIs({ rules: 'late' }), 'warning', 'rules-late'],
  ['no lease', { rules: { ...healthy.rules, nft: { value: [] } } }, 'broken', 'lease-missing'],
  [
    'no lease, and no word',
    {
      rules: { ...healthy.rules, nft: { value: [] } },
      daemon: { ...healthy.daemon, status: unasked },
    },
    'broken',
    'lease-missing',
  ],
  [
    'a lease, and no word',
    { daemon: { ...healthy.daemon, status: unasked } },
    'ok',
    'interception',
  ],
  [
    'neither rules nor a word',
    { rules: { ...healthy.rules, nft: unasked }, daemon: { ...healthy.daemon, status: unasked } },
    'unknown',
    'interception-unseen',
  ],
  ['no addresses', { addresses: [], addressesFrom: 'nobody' }, 'unknown', 'address-unknown'],
  [
    'an address is not local',
    {
      network: {
        value: {
          ...network,
          addresses: network.addresses.map((one) => ({ ...one, local: false, link: null })),
        },
      },
    },
    'broken',
    'address-not-local',
  ],
  [
    'no link, and it waits',
    {
      ...interceptionIs({ state: 'waiting' }),
      network: {
        value: {
          ...network,
          links: [],
          addresses: network.addresses.map((one) => ({ ...one, local: false })),
        },
      },
    },
    'warning',
    'address-not-local',
  ],
  [
    'addresses on lo',
    {
      network: {
        value: { ...network, addresses: network.addresses.map((one) => ({ ...one, link: 'lo' })) },
      },
    },
    'warning',
    'address-on-loopback',
  ],
  [
    'addresses that are leased',
    {
      network: {
        value: {
          ...network,
          addresses: network.addresses.map((one) => ({ ...one, link: null, lifetime: 2 })),
        },
      },
    },
    'ok',
    'address',
  ],
  ['no netlink', { network: unasked }, 'unknown', 'address-unseen'],
  ['nobody listens', { listeners: [] }, 'broken', 'port-unserved'],
  [
    'another listens at the address',
    {
      listeners: [
        ...healthy.listeners,
        { address: VIP, pid: 7, command: 'dnsmasq', isDnslet: false },
      ],
    },
    'broken',
    'port-foreign',
  ],
  [
    'another listens everywhere',
    {
      listeners: [
        ...healthy.listeners,
        { address: '0.0.0.0', pid: 7, command: 'named', isDnslet: false },
      ],
    },
    'warning',
    'port-foreign',
  ],
  [
    'who listens is hidden',
    {
      listeners: [{ address: VIP, pid: null, command: '', isDnslet: false }],
      rights: { isRoot: false, capabilities: { value: new Set() } },
    },
    'unknown',
    'port',
  ],
  [
    'no answer at an address',
    { own: { ...healthy.own!, probes: [server(VIP, failed('timeout'))] } },
    'broken',
    'own-query-failed',
  ],
  [
    'an address is not asked',
    { own: { ...healthy.own!, probes: [], skipped: [LOCAL] } },
    'unknown',
    'own-query',
  ],
  [
    'the rules stand still',
    { own: { ...healthy.own!, led: { before: 5, after: 5 } } },
    'broken',
    'rules-still',
  ],
  [
    'the rules stand still on lo',
    {
      ...interceptionIs({ interface: 'lo' }),
      own: { ...healthy.own!, led: { before: 5, after: 5 } },
    },
    'ok',
    'rules-move',
  ],
  [
    'no counters',
    { own: { ...healthy.own!, led: { before: null, after: null } } },
    'unknown',
    'rules-uncounted',
  ],
  ['no client asks', daemonSays(silent), 'warning', 'client-silence'],
  [
    'no client has ever asked',
    daemonSays({ totals: { ...status().totals, sources: {}, secondsSinceLastClientQuery: null } }),
    'warning',
    'client-silence',
  ],
  [
    'the node alone asks',
    daemonSays({ totals: { ...status().totals, sources: { node: 100, pods: 0 } } }),
    'warning',
    'client-silence',
  ],
  [
    'no client has asked yet',
    daemonSays({
      startedAt: '2026-11-29T10:59:30.000Z',
      totals: { ...status().totals, secondsSinceLastClientQuery: null },
    }),
    'ok',
    'client-traffic',
  ],
  [
    'Flannel',
    { dataPlanes: [{ name: 'Flannel', signs: ['link flannel.1'], mayBypassRules: false }] },
    'ok',
    'data-plane',
  ],
  [
    'Cilium, and clients ask',
    { dataPlanes: [{ name: 'Cilium', signs: ['link cilium_host'], mayBypassRules: true }] },
    'ok',
    'data-plane',
  ],
  [
    'Cilium, and nobody has asked yet',
    {
      ...daemonSays({
        startedAt: '2026-11-29T10:59:30.000Z',
        totals: { ...status().totals, sources: {}, secondsSinceLastClientQuery: null },
      }),
      dataPlanes: [{ name: 'Cilium', signs: ['link cilium_host'], mayBypassRules: true }],
    },
    'warning',
    'data-plane-bypass',
  ],
  [
    'Cilium, and nobody asks',
    {
      ...daemonSays(silent),
      dataPlanes: [{ name: 'Cilium', signs: ['link cilium_host'], mayBypassRules: true }],
    },
    'broken',
    'data-plane-bypass',
  ],
  [
    'Cilium, and who asks is hidden',
    {
      daemon: { ...healthy.daemon, status: unasked },
      dataPlanes: [{ name: 'Cilium', signs: [], mayBypassRules: true }],
    },
    'warning',
    'data-plane-bypass',
  ],
  [
    'IPVS',
    { kubeProxy: { mode: { value: 'ipvs' }, unserved: [], heldByIpvs: [VIP] } },
    'broken',
    'ipvs-holds-address',
  ],
  [
    'no kube-proxy',
    { kubeProxy: { mode: { value: 'none' }, unserved: [VIP], heldByIpvs: [] } },
    'warning',
    'kube-proxy-none',
  ],
  [
    'kube-proxy is hidden',
    { kubeProxy: { mode: unasked, unserved: [], heldByIpvs: [] } },
    'unknown',
    'kube-proxy-unseen',
  ],
  [
    'kubelet names another',
    { kubelet: { addresses: ['10.96.0.99'], from: 'x' } },
    'broken',
    'kubelet-bypasses',
  ],
  ['no resolv.conf', { resolver: unasked }, 'unknown', 'resolver-unseen'],
  [
    'an empty resolv.conf',
    { resolver: { value: { ...file, nameservers: [] } } },
    'broken',
    'resolver-empty',
  ],
  [
    'the node asks dnslet',
    { resolver: { value: { ...file, nameservers: [VIP] } } },
    'warning',
    'resolver-loop',
  ],
  [
    'a pod asks past dnslet',
    {
      ...pod,
      addressesFrom: '-localip',
      resolver: { value: { ...file, nameservers: ['10.96.0.99'] } },
    },
    'broken',
    'resolver-bypasses',
  ],
  [
    'a pod asks dnslet',
    { ...pod, resolver: { value: { ...file, nameservers: [LOCAL] } } },
    'ok',
    'resolver',
  ],
  [
    'four servers',
    {
      resolver: {
        value: { ...file, nameservers: ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'] },
      },
    },
    'warning',
    'resolver-too-many',
  ],
  [
    'a silent server',
    { nameservers: [server('192.0.2.53', failed('timeout'), failed('timeout'))] },
    'broken',
    'resolver-silent',
  ],
  [
    'a server without TCP',
    { ...pod, nameservers: [server(VIP, answered, failed('timeout'))] },
    'warning',
    'resolver-silent',
  ],
  [
    'a long search list',
    { resolver: { value: { ...file, ndots: 5, search: 'a b c d e f'.split(' ') } } },
    'warning',
    'search-cost',
  ],
  [
    'odd options',
    { resolver: { value: { ...file, options: ['timeout:30', 'attempts:1'] } } },
    'warning',
    'resolver-options',
  ],
  [
    'rotate',
    {
      resolver: {
        value: { ...file, options: ['rotate'], nameservers: ['192.0.2.1', '192.0.2.2'] },
      },
    },
    'warning',
    'resolver-options',
  ],
  ['use-vc', { resolver: { value: { ...file, options: ['use-vc'] } } }, 'ok', 'resolver-options'],
  ['no upstream', { upstreams: [] }, 'unknown', 'upstream-none'],
  [
    'a dnslet that leaves the node alone',
    { ...interceptionIs({ state: 'none' }), addresses: [] },
    'ok',
    'interception-off',
  ],
  [
    "dnslet's own pod, without the node's network",
    { ...pod, ...interceptionIs({ state: 'none' }) },
    'ok',
    'daemon',
  ],
  ['many upstreams', { upstreamsLeftOut: 3 }, 'ok', 'upstream'],
  [
    'TCP is dropped',
    { upstreams: [upstream({ tcp: failed('timeout') })] },
    'broken',
    'upstream-tcp-blocked',
  ],
  [
    'TCP is refused',
    { upstreams: [upstream({ tcp: failed('refused') })] },
    'broken',
    'upstream-tcp-blocked',
  ],
  [
    'UDP is dropped',
    { upstreams: [upstream({ udp: failed('timeout') })] },
    'warning',
    'upstream-udp-blocked',
  ],
  [
    'UDP is dropped, and used',
    { upstreams: [upstream({ udp: failed('timeout'), transport: 'udp' })] },
    'broken',
    'upstream-udp-blocked',
  ],
  ...(
    [
      ['timeout', 'upstream-dead'],
      ['closed', 'upstream-dead'],
      ['refused', 'upstream-refused'],
      ['prohibited', 'upstream-prohibited'],
      ['forbidden', 'upstream-forbidden'],
      ['absent', 'upstream-forbidden'],
    ] as const
  ).map(
    ([how, id]) =>
      [
        `an upstream, ${how}`,
        { upstreams: [upstream({ udp: failed(how), tcp: failed(how), burst: null })] },
        'broken',
        id,
      ] as const,
  ),
  [
    'another DNS',
    { upstreams: [upstream({ tcp: { ...answered, rcode: 'NXDOMAIN', answers: 0 } })] },
    'broken',
    'upstream-wrong',
  ],
  [
    'no record',
    { upstreams: [upstream({ tcp: { ...answered, answers: 0 } })] },
    'broken',
    'upstream-wrong',
  ],
  [
    'SERVFAIL',
    { upstreams: [upstream({ tcp: { ...answered, rcode: 'SERVFAIL', answers: 0 } })] },
    'broken',
    'upstream-failing',
  ],
  ...(['SERVFAIL', 'REFUSED'] as const).map(
    (rcode) =>
      [
        `a resolver that answers all with ${rcode}`,
        {
          upstreams: [
            upstream({
              zones: ['.'],
              isCluster: false,
              udp: { ...answered, rcode, answers: 0 },
              tcp: { ...answered, rcode, answers: 0 },
            }),
          ],
        },
        'warning',
        'upstream-failing',
      ] as const,
  ),
  [
    'the server of a stub domain, which knows no root',
    {
      upstreams: [
        upstream({
          zones: ['acme.local'],
          isCluster: false,
          udp: { ...answered, rcode: 'REFUSED', answers: 0 },
          tcp: { ...answered, rcode: 'REFUSED', answers: 0 },
        }),
      ],
    },
    'ok',
    'upstream',
  ],
  [
    'no EDNS',
    { upstreams: [upstream({ transport: 'udp', udp: { ...answered, edns: false } })] },
    'warning',
    'upstream-no-edns',
  ],
  [
    'one query for each connection',
    { upstreams: [upstream({ burst: { sent: 16, answered: 1, overtaken: false, ms: 1 } })] },
    'warning',
    'upstream-shallow',
  ],
  [
    'a slow one, late for doctor, that the daemon gets answers from',
    {
      upstreams: [
        upstream({ udp: failed('timeout'), tcp: failed('timeout'), burst: null, rttMs: 1_503 }),
      ],
    },
    'broken',
    'upstream-slow',
  ],
  [
    'a slow one',
    { upstreams: [upstream({ udp: { ...answered, ms: 640 }, tcp: { ...answered, ms: 600 } })] },
    'warning',
    'upstream-slow',
  ],
  [
    'a Service with a dead pod',
    { upstreams: [upstream({ tries: { answered: 6, sent: 9 } })] },
    'warning',
    'upstream-uneven',
  ],
  [
    'a dead one',
    { upstreams: [upstream({ problem: 'health checks fail' })] },
    'warning',
    'upstream-distrusted',
  ],
  [
    'TLS',
    {
      upstreams: [
        upstream({ transport: 'tls', udp: null, burst: null, tcp: { kind: 'connected', ms: 1 } }),
      ],
    },
    'ok',
    'upstream',
  ],
  [
    'TLS that is refused',
    { upstreams: [upstream({ transport: 'tls', udp: null, burst: null, tcp: failed('refused') })] },
    'broken',
    'upstream-refused',
  ],
  [
    'conntrack is full',
    { conntrack: twice(conntrack({ count: 99, max: 100 })) },
    'broken',
    'conntrack-full',
  ],
  [
    'conntrack is nearly full',
    { conntrack: twice(conntrack({ count: 85, max: 100 })) },
    'warning',
    'conntrack-nearly-full',
  ],
  [
    'conntrack drops now',
    { conntrack: { before: conntrack({ drop: 1 }), after: conntrack({ drop: 2 }) } },
    'warning',
    'conntrack-drops',
  ],
  [
    'conntrack gives up entries now',
    { conntrack: { before: conntrack({ early_drop: 9 }), after: conntrack({ early_drop: 10 }) } },
    'warning',
    'conntrack-drops',
  ],
  [
    'the race for an entry',
    {
      conntrack: {
        before: conntrack({ insert_failed: 5 }),
        after: conntrack({ insert_failed: 6 }),
      },
    },
    'warning',
    'conntrack-insert-failed',
  ],
  [
    'conntrack is hidden',
    { conntrack: twice({ ...conntrack(), count: unasked, statistics: unasked }) },
    'unknown',
    'conntrack-unseen',
  ],
  [
    'a full socket',
    { counters: { before: counters({}, { [VIP]: 11 }), after: counters({}, { [VIP]: 12 }) } },
    'warning',
    'receive-drops',
  ],
  [
    'a full queue',
    { counters: { before: counters(), after: counters({}, {}, 9) } },
    'warning',
    'softnet-drops',
  ],
  [
    'the reverse path filter',
    { counters: { before: counters(), after: counters({ 'TcpExt.IPReversePathFilter': 1 }) } },
    'warning',
    'reverse-path',
  ],
  [
    'fragments',
    { counters: { before: counters(), after: counters({ 'Ip.ReasmFails': 1 }) } },
    'warning',
    'fragments-lost',
  ],
  [
    'no counters of the kernel',
    { counters: twice({ ...counters(), counters: unasked }) },
    'unknown',
    'receive-unseen',
  ],
  [
    'no forwarding',
    { settings: { ...healthy.settings, ipForward: { value: 0 } } },
    'broken',
    'forwarding-off',
  ],
  ['an address of the loopback', { addresses: ['127.0.0.9'] }, 'warning', 'route-localnet-off'],
  [
    'a small MTU',
    {
      network: {
        value: { ...network, links: [{ name: 'wg0', kind: 'wireguard', up: true, mtu: 1_200 }] },
      },
    },
    'warning',
    'mtu-small',
  ],
  [
    'no TUN',
    { files: { ...healthy.files, tun: absent('/dev/net/tun') } },
    'warning',
    'tun-missing',
  ],
  ['a dummy', interceptionIs({ interface: 'dummy' }), 'warning', 'tun-missing'],
  [
    'a state directory that is not ours to see',
    {
      rights: { isRoot: false, capabilities: { value: new Set() } },
      files: {
        ...healthy.files,
        stateDirectory: { path: '/run/dnslet', state: 'denied', detail: 'EACCES' },
      },
    },
    'unknown',
    'state-directory',
  ],
  [
    'no state directory',
    { files: { ...healthy.files, stateDirectory: absent('/run/dnslet') } },
    'warning',
    'state-directory',
  ],
  [
    'a state directory of the container',
    {
      place: { kind: 'node', signs: ['KUBERNETES_SERVICE_HOST'] },
      files: { ...healthy.files, stateIsMounted: false },
    },
    'warning',
    'state-not-mounted',
  ],
  [
    'no lock file',
    {
      files: {
        ...healthy.files,
        xtablesLock: { path: '/run/xtables.lock', state: 'denied', detail: 'EACCES' },
      },
      rules: { ...healthy.rules, iptables: { value: [{ ...noRules, backend: legacy }] } },
    },
    'warning',
    'xtables-lock',
  ],
  [
    'not root',
    { rights: { isRoot: false, capabilities: { value: new Set() } } },
    'unknown',
    'rights-missing',
  ],
  [
    'a daemon without rights',
    {
      daemon: {
        ...healthy.daemon,
        processes: [{ ...process0!, capabilities: { value: new Set() } }],
      },
    },
    'broken',
    'daemon-rights',
  ],
  ['a pod', pod, 'unknown', 'node-unseen'],
  [
    'rules of a dead node-cache',
    {
      rules: {
        ...healthy.rules,
        iptables: { value: [{ ...noRules, nodeCache: 10, unconditional: [VIP] }] },
      },
    },
    'broken',
    'node-cache-rules',
  ],
  [
    'a living node-cache',
    {
      rules: { ...healthy.rules, iptables: { value: [{ ...noRules, nodeCache: 10 }] } },
      listeners: [{ address: VIP, pid: 9, command: '/node-cache -localip', isDnslet: false }],
    },
    'warning',
    'node-cache-rules',
  ],
  [
    'the link of a dead node-cache',
    { daemon: { status: unasked, socket: null, processes: [] }, listeners: [] },
    'broken',
    'node-cache-link',
  ],
  [
    'rules of a dead dnslet',
    {
      daemon: { status: unasked, socket: null, processes: [] },
      rules: { ...healthy.rules, iptables: { value: [{ ...noRules, ours: 4 }] } },
    },
    'warning',
    'rules-abandoned',
  ],
  [
    'hidden rules',
    { rules: { ...healthy.rules, iptables: unasked } },
    'unknown',
    'leftovers-unseen',
  ],
  ['another version', daemonSays({ version: '0.2.0' }), 'warning', 'version-differs'],
  [
    'both kinds of iptables',
    {
      rules: { ...healthy.rules, iptables: { value: [noRules, { ...noRules, backend: legacy }] } },
    },
    'warning',
    'filters-mixed',
  ],
]

function twice<T>(value: T): { before: T; after: T } {
  return { before: value, after: value }
}

describe('the examinations', () => {
  test('find nothing wrong with a healthy node', () => {
    const findings = look({})
    assert.deepEqual(
      findings.filter(({ severity }) => severity !== 'ok'),
      [],
    )
    assert.equal(exitStatus(findings), 0)
    assert.ok(rights.has('NET_ADMIN'))
  })

  for (const [name, changes, severity, id] of cases) {
    test(`${name}: ${severity} ${id}`, () => {
      const findings = look(changes)
      const [found] = findings.filter((one) => one.id === id && one.severity === severity)
      assert.ok(found !== undefined, findings.map((one) => `${one.severity} ${one.id}`).join('\n'))
      assert.ok(found.title.length <= 130, found.title)
      if (severity === 'ok') return
      assert.ok(found.seen.length > 0, 'nothing is said to be seen')
      if (severity === 'unknown') return
      assert.notEqual(found.meaning, '')
      assert.notDeepEqual(found.remedy, [])
      assert.equal(exitStatus(findings) >= (severity === 'broken' ? 2 : 1), true)
    })
  }

  test('send nothing where nothing may be sent, and say nothing of it', () => {
    const quick = look({ isQuick: true, own: null, upstreams: [], nameservers: [] })
    assert.deepEqual(
      quick.filter(({ severity }) => severity !== 'ok'),
      [],
    )
  })
})

test('what the daemon has against upstreams is told of those that were not asked, too', () => {
  const known = (address: string, problem: string | null): UpstreamState => {
    const figures = { connections: 0, inFlight: 0, rttMs: null, answers: 0, failures: 3 }
    return { address, transport: 'tcp', problem, lastFailure: null, ...figures }
  }
  const down = 'down: it does not answer health checks'
  const upstreams = [known('10.96.0.11:53', down), known('192.0.2.53:53', null)]
  const block = { keys: ['.:53'], view: '', plugins: [], cache: null, upstreams }
  const says = daemonSays({ blocks: [block, block] })
  const distrusted = (changes: Partial<Facts>): string[] =>
    look({ ...says, ...changes }).flatMap(({ id, title, seen }) =>
      id === 'upstream-distrusted' ? [title, ...seen] : [],
    )
  const line = ['dnslet itself does not trust 10.96.0.11:53', down]
  assert.deepEqual(distrusted({ isQuick: true, own: null, upstreams: [], nameservers: [] }), line)
  assert.deepEqual(distrusted({ upstreams: [upstream({ server: '192.0.2.53:53' })] }), line)
  assert.deepEqual(distrusted({ upstreams: [upstream({ server: '10.96.0.11:53' })] }), [])
})

test('a block of which the daemon trusts no upstream is broken, with --quick too', () => {
  const figures = { connections: 0, inFlight: 0, rttMs: null, answers: 0, failures: 3 }
  const problem = 'down: it does not answer health checks'
  const upstreams = ['10.96.0.11:53', '10.96.0.12:53'].map((address): UpstreamState => ({
    address,
    transport: 'tcp',
    problem,
    lastFailure: null,
    ...figures,
  }))
  const block = { keys: ['.:53'], view: '', plugins: [], cache: null, upstreams }
  const all = { isQuick: true, own: null, upstreams: [], nameservers: [] }
  const found = look({ ...daemonSays({ blocks: [block] }), ...all })
  const said = found.filter(({ id }) => id === 'upstream-distrusted')
  assert.deepEqual(
    said.map(({ severity, title, seen }) => [severity, title, ...seen]),
    upstreams.map(({ address }) => [
      'broken',
      'dnslet trusts no upstream of .:53',
      `${address}: ${problem}`,
    ]),
  )
})

test('a server that no query gets to is not told to be late', () => {
  for (const how of ['absent', 'forbidden'] as const) {
    const found = look({ nameservers: [server('192.0.2.53', failed(how), failed(how))] })
    const finding = found.find(({ id }) => id === 'resolver-silent')!
    assert.equal(finding.severity, 'broken')
    assert.match(finding.title, /^192\.0\.2\.53:53 of resolv\.conf cannot be asked from here$/)
    assert.doesNotMatch(finding.meaning, /waits/)
  }
})

test('a TUN that nobody needs, or that only doctor may not open, is not missed', () => {
  const missed = (changes: Partial<Facts>): boolean =>
    look(changes).some(({ id }) => id === 'tun-missing')
  const files = { ...healthy.files, tun: absent('/dev/net/tun') }
  assert.equal(missed({ files }), true)
  assert.equal(missed({ ...interceptionIs({ state: 'none' }), files }), false)
  const denied = { ...files, tun: { ...files.tun, state: 'denied' as const } }
  assert.equal(missed({ files: denied }), true)
  const user = { isRoot: false, capabilities: { value: new Set<never>() } }
  assert.equal(missed({ files: denied, rights: user }), false)
})

test('what was lost before doctor came is told, however much it was, and not complained of', () => {
  const lost = { drop: 70_000, early_drop: 80_000, insert_failed: 90_000 }
  const dropped = { 'TcpExt.IPReversePathFilter': 100_000, 'Ip.ReasmFails': 200_000 }
  const found = look({
    conntrack: twice(conntrack(lost)),
    counters: twice(counters(dropped, { [VIP]: 12 }, 500_000)),
  })
  assert.deepEqual(
    found.filter(({ area, severity }) => area === 'Kernel' && severity !== 'ok'),
    [],
  )
  const seen = found.filter(({ area }) => area === 'Kernel').flatMap((one) => one.seen)
  for (const line of [
    'insert_failed: 90,000 since boot, 0 in the 2.0 s that we looked',
    'queues of CPUs: 500,000 since boot, 0 in the 2.0 s that we looked',
    'IPReversePathFilter: 100,000 since boot, 0 in the 2.0 s that we looked',
  ])
    assert.ok(seen.includes(line), seen.join('\n'))
})

test('a connection on which nothing was answered has no order and no time', () => {
  const burst = { sent: 16, answered: 0, overtaken: false, ms: 0 }
  const found = look({ upstreams: [upstream({ tries: { answered: 8, sent: 9 }, burst })] })
  const { seen } = found.find(({ id }) => id === 'upstream-uneven')!
  assert.equal(seen.at(-1), 'none of 16 queries on one connection answered')
})

test('rules that could not be listed again are not told to have no counters', () => {
  const said = (packets: number | null): readonly string[] => {
    const [table] = (healthy.rules.nft as Extract<Facts['rules']['nft'], { value: unknown }>).value
    const rules = { ...healthy.rules, nft: { value: [{ ...table!, packets }] } }
    const own = { ...healthy.own!, led: { before: 5, after: null } }
    const { seen, remedy } = look({ rules, own }).find(({ id }) => id === 'rules-uncounted')!
    return [seen[0]!, ...remedy]
  }
  assert.deepEqual(said(5), [
    'the rules were listed once, and not again in time',
    'run doctor again: a program that lists rules had no time, as on a busy machine',
  ])
  assert.deepEqual(said(null), [
    'the rules in place have no counters',
    'run doctor as root on the node, with nft and iptables installed',
  ])
})

test('who was too late to list rules is told to come again, and others what they lack', () => {
  const remedyFor = (unread: Unread): readonly string[] =>
    look({ rules: { ...healthy.rules, nft: unread } }).find(({ id }) => id === 'leftovers-unseen')!
      .remedy
  const why = 'Cannot run nft list tables: status 1'
  assert.match(remedyFor({ why, code: 'E_PROGRAM_UNHEARD' })[0]!, /^run doctor again/)
  assert.match(remedyFor({ why, code: 'E_PROGRAM' })[0]!, /^run doctor as root/)
})

test('long lists are cut', () => {
  const addresses = Array.from({ length: 300 }, (_, i) => `127.0.1.${i}`)
  const [found] = look({ addresses, listeners: [] }).filter(({ id }) => id === 'port-unserved')
  assert.match(found!.title, /^nobody listens at 127\.0\.1\.0:53, .* and 296 more$/)
})

test('in a pod, no rules are missed', () => {
  const ids = look({ ...pod, rules: { ...healthy.rules, nft: { value: [] } } }).map(({ id }) => id)
  assert.ok(!ids.includes('lease-missing'))
})

describe('ids of findings', () => {
  const declared = examinations.flatMap(({ ids }) => ids)

  test('are each said by one examination, and by a case of this file', () => {
    assert.equal(new Set(declared).size, declared.length)
    assert.deepEqual(
      [...told].filter((id) => !declared.includes(id)),
      [],
    )
    assert.deepEqual(
      declared.filter((id) => !told.has(id)),
      [],
    )
  })

  test('are each explained in docs/doctor.md, and nothing else is', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/doctor.md'), 'utf8')
    const headings = [...page.matchAll(/^### (.*)$/gm)].map(([, id = '']) => id)
    assert.deepEqual(headings.toSorted(), declared.toSorted())
  })
})
