// A real Prometheus with what deploy/monitoring has, in front of the official Corefile: what it keeps of a
// scrape, that its rules have values, and an alert that comes and goes with an upstream.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import { startStandIn } from '../../src/commands/demo/stand-in.ts'
import { requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { startNsd } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { waitUntil } from '../helpers/processes.ts'
import { filledIn, lean } from './expressions.ts'
import { type Prometheus, startPrometheus } from './prometheus.ts'
import { isKept, readRules } from './promtool.ts'
import { scrape } from '../telemetry/scrape.ts'

/** Seconds that a step may take on a machine with other work. */
const PATIENCE = 40
/** Series a node that Prometheus may keep, its own five about each target included. */
const BOUND = 60
const OWN = 5
/** Those that a daemon on loopback does not have: it intercepts nothing, and perhaps has no memory limit. */
const NOT_HERE = [
  'dnslet_interception_active',
  'dnslet_interception_info',
  'dnslet_memory_limit_bytes',
]

/** What has values while all is well: without SERVFAIL there is no share of it. */
const recorded = readRules()
  .groups.flatMap(({ rules }) => rules)
  .flatMap((rule) => ('record' in rule ? [rule.record] : []))
  .filter((record) => !record.includes('servfail'))

const zone = `@ 300 IN SOA ns.example.com. admin.example.com. 1 7200 1800 86400 30
@ 300 IN NS ns.example.com.
www 300 IN A 192.0.2.80
www 300 IN AAAA 2001:db8::80
*.pool 300 IN A 192.0.2.81
`

/** As Prometheus finds pods: a target for each port of a container, or one where it declares none. */
const pods = [
  { ip: '127.1.0.1', node: 'a', pod: 'dnslet-a', container: 'node-cache' },
  { ip: '127.1.0.1', node: 'a', pod: 'dnslet-a', container: 'untaint' },
  { ip: '127.1.0.2', node: 'b', pod: 'node-cache-b', container: 'node-cache', port: '53' },
  { ip: '127.1.0.2', node: 'b', pod: 'node-cache-b', container: 'node-cache', port: '9253' },
  { ip: '::1', node: 'c', pod: 'dnslet-c', container: 'node-cache' },
  { ip: '127.1.0.3', node: 'd', pod: 'dnslet-d', container: 'node-cache', phase: 'Failed' },
  { ip: '127.1.0.4', node: 'e', pod: 'coredns-e', container: 'coredns', app: 'kube-dns' },
].map(({ ip, node, pod, container, port = '', phase = 'Running', app = 'node-local-dns' }) => ({
  __meta_kubernetes_pod_ip: ip,
  __meta_kubernetes_pod_node_name: node,
  __meta_kubernetes_pod_name: pod,
  __meta_kubernetes_pod_container_name: container,
  __meta_kubernetes_pod_container_port_number: port,
  __meta_kubernetes_pod_phase: phase,
  __meta_kubernetes_pod_label_k8s_app: app,
}))

const suite = { skip: requireTools('prometheus', 'nsd', 'dig') }
describe('a Prometheus with the rules of deploy/monitoring', suite, () => {
  test('tells of a dead upstream until it is back, records, and keeps little', async (t) => {
    const [port, metrics, outside] = [await freePort(), await freePort(), await freePort()]
    // It looks for targets only after five seconds.
    const started = startPrometheus(t, [{ port: metrics, node: 'node-1' }], 3, pods)
    const kubeDns = await startStandIn()
    t.after(() => kubeDns.stop())
    await startDnslet(t, official(port, metrics, kubeDns.port, outside), {
      ready: { address: '127.0.0.1', port, name: 'kubernetes.default.svc.cluster.local' },
    })
    const prometheus = await started
    const firing = async (): Promise<string[]> =>
      (await prometheus.firing()).map(({ labels }) => `${labels['alertname']} ${labels['node']}`)
    const alert = 'NodeLocalDNSUpstreamsDown node-1'
    const isThere = async (): Promise<boolean> => {
      await unanswered(port)
      return (await firing()).includes(alert)
    }
    await waitUntil('the alert', isThere, undefined, PATIENCE)

    await startNsd(t, { 'example.com.': zone }, '127.0.0.1', outside)
    const isOver = async (): Promise<boolean> => {
      await traffic(port)
      const found = await prometheus.query('count by (__name__) ({__name__=~"node.*:.*"})')
      const names = new Set(found.map(({ labels }) => labels['__name__']))
      return recorded.every((name) => names.has(name)) && !(await firing()).includes(alert)
    }
    await waitUntil('its end, and values of all that is recorded', isOver, undefined, PATIENCE)
    await checkValues(prometheus)
    await checkNumber(t, prometheus, metrics)
    await checkPanels(prometheus)
    const targets = await prometheus.podTargets()
    assert.deepEqual(
      targets.map(({ scrapeUrl, node, pod }) => `${scrapeUrl} ${node} ${pod}`).toSorted(),
      [
        'http://127.1.0.1:9253/metrics a dnslet-a',
        'http://127.1.0.2:9253/metrics b node-cache-b',
        'http://[::1]:9253/metrics c dnslet-c',
      ],
    )
  })
})

/** What is recorded may be true. */
async function checkValues(prometheus: Prometheus): Promise<void> {
  for (const [record, low, high] of [
    ['node_zone:dns_queries:rate5m{zone="cluster.local."}', 0.1, 1000],
    ['node:dns_cache_answers:ratio_rate5m', 0, 0.999],
    ['node_to:dns_upstream_slow:ratio_rate5m', 0, 1],
    ['node:dnslet_event_loop_late:ratio_rate5m', 0, 1],
    ['up{job="node-local-dns"}', 1, 1],
  ] as const) {
    const found = await prometheus.query(record)
    assert.ok(found.length > 0, record)
    for (const { value, labels } of found) {
      assert.equal(labels['node'], 'node-1')
      assert.ok(value >= low && value <= high, `${record}: ${value}`)
    }
  }
}

/** With what is kept every panel shows something, but those of troubles that this node does not have. */
async function checkPanels(prometheus: Prometheus): Promise<void> {
  const troubles = [
    'Expired answers',
    'Interception',
    'What others undo',
    'Queries that the kernel dropped',
    'Restarts',
    'Configuration',
  ]
  const empty = lean.map(async ({ title, targets }) => {
    const found = await Promise.all(targets.map(({ expr }) => prometheus.query(filledIn(expr))))
    return found.flat().length > 0 || troubles.includes(title) ? [] : [title]
  })
  assert.deepEqual((await Promise.all(empty)).flat(), [])
}

/** By now all has happened that has series: failures too, and attempts without an answer. */
async function checkNumber(t: TestContext, prometheus: Prometheus, metrics: number): Promise<void> {
  const metric = 'scrape_samples_post_metric_relabeling{job="node-local-dns"}'
  const { series } = await scrape(metrics)
  const missing = NOT_HERE.filter((one) => !series.some(({ name }) => name === one))
  const expected = series.filter(({ name, labels }) => isKept(name, labels)).length
  let kept = NaN
  // What it keeps is as old as its last scrape.
  await waitUntil('Prometheus to keep what the other tests think', async () => {
    kept = (await prometheus.query(metric))[0]!.value
    return Math.abs(expected - kept) <= 2
  })
  t.diagnostic(`${kept} and ${missing.length} elsewhere, of ${series.length} series`)
  assert.ok(kept + missing.length + OWN <= BOUND, `${kept} series`)
}

let asked = 0

/** What pods of a node ask: services, names of the search list that do not exist, the world, addresses. */
async function traffic(port: number): Promise<void> {
  const names = ['kubernetes.default.svc.cluster.local', 'www.example.com']
  const searched = names.map((name) => `${name}.default.svc.cluster.local`)
  asked++
  // The first label of a name of the stand-in says how long it takes.
  const fresh = [`ms${asked % 10}.web.default.svc.cluster.local`, `x${asked}.pool.example.com`]
  const all = [...names, ...searched, ...fresh, 'nowhere.example.com']
  await dig(
    { address: '127.0.0.1', port },
    ...all.flatMap((name) => [name, 'A', name, 'AAAA']),
    '_https._tcp.kubernetes.default.svc.cluster.local',
    'SRV',
    ...['10.96.0.1', '10.9.9.9', 'fd00::1', 'fd00::1'].flatMap((address) => ['-x', address]),
  )
  await dig({ address: '127.0.0.1', port }, 'web.default.svc.cluster.local', '+tcp')
}

/** Two names that no cache has, whose answer nobody waits for. */
async function unanswered(port: number): Promise<void> {
  asked++
  const names = [`x${asked}.example.com`, `y${asked}.example.com`]
  await dig({ address: '127.0.0.1', port }, ...names, '+time=1')
}

/** The Corefile of the official manifest, as the daemon on a node makes it, on one address. */
function official(port: number, metrics: number, kubeDns: number, outside: number): string {
  const block = (origin: string, cache: string, forward: string): string => `
${origin}:${port} {
    errors
    ${cache}
    reload
    loop
    bind 127.0.0.1
    ${forward}
    prometheus 127.0.0.1:${metrics}
}
`
  const cluster = `forward . 127.0.0.1:${kubeDns} {\n        force_tcp\n    }`
  const clusterCache = 'cache {\n        success 9984 30\n        denial 9984 5\n    }'
  return [
    block('cluster.local', clusterCache, cluster),
    block('in-addr.arpa', 'cache 30', cluster),
    block('ip6.arpa', 'cache 30', cluster),
    block('.', 'cache 30', `forward . 127.0.0.1:${outside}`),
  ].join('')
}
