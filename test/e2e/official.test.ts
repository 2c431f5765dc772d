// The Corefile of the official manifest, ports aside, in front of real name servers: a kube-dns with the
// cluster's zones (nsd, with the manners of CoreDNS) is asked over TCP, unbound stands for everything else.
import assert from 'node:assert/strict'
import { before, describe, test, after } from 'node:test'
import { requireTools } from '../helpers/debian.ts'
import { type Dug, dig, kdig, type Server } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { startKubeDns } from '../helpers/kube-dns.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'
import { startUnbound } from '../helpers/unbound.ts'

const soa = '@ 300 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30'
const headless = Array.from(
  { length: 200 },
  (_, i) => `big.default.svc 5 IN A 10.1.${Math.floor(i / 100)}.${i % 100}`,
)
const cluster = `${soa}
@ 300 IN NS ns.dns
ns.dns 300 IN A 10.96.0.10
kubernetes.default.svc 30 IN A 10.96.0.1
_https._tcp.kubernetes.default.svc 30 IN SRV 0 100 443 kubernetes.default.svc
external.default.svc 30 IN CNAME alias.default.svc
alias.default.svc 30 IN CNAME kubernetes.default.svc
typed.default.svc 30 IN TYPE65280 \\# 4 0a000001
${headless.join('\n')}
`
const reverse = `${soa}
@ 300 IN NS ns.dns.cluster.local.
1.0.96.10 30 IN PTR kubernetes.default.svc.cluster.local.
`
const reverse6 = `${soa}\n@ 300 IN NS ns.dns.cluster.local.\n`

function officialCorefile(port: number, health: number, metrics: number, up: Upstreams): string {
  const block = (zone: string, cache: string, forward: string, extra = ''): string => `
${zone}:${port} {
    errors
    ${cache}
    reload
    loop
    bind 127.0.0.1
    ${forward}
    prometheus 127.0.0.1:${metrics}
    ${extra}
}
`
  const kubeDns = `forward . 127.0.0.1:${up.kubeDns.port} {\n        force_tcp\n    }`
  const clusterCache = 'cache {\n        success 9984 30\n        denial 9984 5\n    }'
  return [
    block('cluster.local', clusterCache, kubeDns, `health 127.0.0.1:${health}`),
    block('in-addr.arpa', 'cache 30', kubeDns),
    block('ip6.arpa', 'cache 30', kubeDns),
    block('.', 'cache 30', `forward . 127.0.0.1:${up.unbound.port}`),
  ].join('')
}

interface Upstreams {
  readonly kubeDns: Server
  readonly unbound: Server
}

const suite = { skip: requireTools('nsd', 'unbound', 'dig', 'kdig') }
describe('the official Corefile', suite, () => {
  let at: Server
  let health: number
  let metrics: number
  const ended: (() => Promise<void> | void)[] = []
  const owner: Owner = { after: (fn) => void ended.unshift(fn) }

  before(async () => {
    const kubeDns = await startKubeDns(owner, {
      'cluster.local.': cluster,
      'in-addr.arpa.': reverse,
      'ip6.arpa.': reverse6,
    })
    const unbound = await startUnbound(owner, [
      'www.example.com. 300 IN A 192.0.2.80',
      'www.example.com. 300 IN TXT "over there"',
    ])
    const port = await freePort()
    health = await freePort()
    metrics = await freePort()
    at = { address: '127.0.0.1', port }
    await startDnslet(owner, officialCorefile(port, health, metrics, { kubeDns, unbound }), {
      ready: { ...at, name: 'ns.dns.cluster.local' },
    })
  })
  after(async () => {
    for (const end of ended) await end()
  })

  /** Asks twice; the second answer has to be the first, from the cache. */
  async function askTwice(ask: typeof dig, ...args: readonly string[]): Promise<Dug> {
    const hits = await cacheHits()
    const first = await ask(at, ...args)
    const second = await ask(at, ...args)
    assert.ok((await cacheHits()) > hits, 'the second ask is a hit')
    assert.equal(second.status, first.status)
    assert.deepEqual(
      second.answer.map(({ data }) => data).toSorted(),
      first.answer.map(({ data }) => data).toSorted(),
    )
    return first
  }

  async function cacheHits(): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
    const values = [...text.matchAll(/^coredns_cache_hits_total\{.*\} (\d+)$/gm)]
    return values.reduce((sum, [, value]) => sum + Number(value), 0)
  }

  test('A', async () => {
    const d = await askTwice(dig, 'kubernetes.default.svc.cluster.local', 'A')
    assert.equal(d.status, 'NOERROR')
    assert.deepEqual(d.answer[0]!.data, '10.96.0.1')
    assert.ok(d.flags.includes('aa'), 'as the upstream answered')
  })

  test('the TTL goes down between two asks', async () => {
    const name = 'ns.dns.cluster.local'
    const first = await dig(at, name)
    const start = first.answer[0]!.ttl
    let later = first
    for (let i = 0; i < 50 && later.answer[0]!.ttl === start; i++) later = await dig(at, name)
    const deadline = performance.now() + 3000
    while (later.answer[0]!.ttl === start && performance.now() < deadline)
      later = await dig(at, name)
    assert.ok(later.answer[0]!.ttl < start)
  })

  test('AAAA: NODATA with the SOA', async () => {
    const d = await askTwice(dig, 'kubernetes.default.svc.cluster.local', 'AAAA')
    assert.equal(d.status, 'NOERROR')
    assert.equal(d.answer.length, 0)
    assert.equal(d.authority[0]!.type, 'SOA')
    assert.ok(d.authority[0]!.ttl <= 5, 'denials are capped at 5 s')
  })

  test('NXDOMAIN', async () => {
    const d = await askTwice(kdig, 'nowhere.default.svc.cluster.local')
    assert.equal(d.status, 'NXDOMAIN')
    assert.equal(d.authority[0]!.type, 'SOA')
  })

  test('SRV', async () => {
    const d = await askTwice(dig, '_https._tcp.kubernetes.default.svc.cluster.local', 'SRV')
    assert.match(d.answer[0]!.data, /^0 100 443 kubernetes\.default\.svc\.cluster\.local\.$/)
  })

  test('PTR', async () => {
    const d = await askTwice(dig, '-x', '10.96.0.1')
    assert.equal(d.answer[0]!.data, 'kubernetes.default.svc.cluster.local.')
    const none = await askTwice(dig, '-x', 'fd00::1')
    assert.equal(none.status, 'NXDOMAIN')
  })

  test('a chain of CNAMEs', async () => {
    const d = await askTwice(dig, 'external.default.svc.cluster.local')
    assert.deepEqual(
      d.answer.map(({ type }) => type),
      ['CNAME', 'CNAME', 'A'],
    )
  })

  test('200 addresses: TC over UDP, all of them over TCP, as many as fit by EDNS', async () => {
    const name = 'big.default.svc.cluster.local'
    const small = await dig(at, name, '+noedns', '+ignore')
    assert.ok(small.flags.includes('tc'))
    assert.ok(small.answer.length >= 20 && small.answer.length < 40)
    const tcp = await askTwice(dig, name, '+tcp')
    assert.equal(tcp.answer.length, 200)
    assert.equal((await dig(at, name)).answer.length, 200, 'dig retries over TCP by itself')
    const large = await dig(at, name, '+bufsize=4096', '+ignore')
    // 1,232 octets, whatever the client says.
    assert.ok(large.answer.length > 70 && large.answer.length < 78)
    assert.ok(large.flags.includes('tc'))
    const tight = await kdig(at, name, '+bufsize=512', '+ignore')
    assert.ok(tight.flags.includes('tc') || tight.flags.includes('TC'))
  })

  test('+dnssec: DO is a question of its own, and echoed', async () => {
    const d = await askTwice(dig, 'kubernetes.default.svc.cluster.local', '+dnssec')
    assert.match(d.edns!, /flags: do/)
    assert.match(d.edns!, /udp: 1232/)
  })

  test('without EDNS in the query there is none in the answer', async () => {
    const d = await dig(at, 'kubernetes.default.svc.cluster.local', '+noedns')
    assert.equal(d.edns, null)
  })

  test('mixed case: one entry, and the question comes back as it was asked', async () => {
    await dig(at, 'kubernetes.default.svc.cluster.local')
    const hits = await cacheHits()
    const d = await dig(at, 'KuberNetes.Default.SVC.cluster.LOCAL')
    assert.ok((await cacheHits()) > hits)
    assert.match(d.text, /^;KuberNetes\.Default\.SVC\.cluster\.LOCAL\./m)
    assert.equal(d.answer[0]!.data, '10.96.0.1')
  })

  test('types nobody has heard of', async () => {
    const d = await askTwice(dig, 'typed.default.svc.cluster.local', 'TYPE65280')
    assert.match(d.answer[0]!.data, /^\\# 4 0A000001$/i)
    const none = await askTwice(kdig, 'kubernetes.default.svc.cluster.local', 'TYPE65281')
    assert.equal(none.status, 'NOERROR')
  })

  test('other names go to the other upstream', async () => {
    const d = await askTwice(dig, 'www.example.com')
    assert.equal(d.answer[0]!.data, '192.0.2.80')
    assert.equal(d.answer[0]!.ttl, 30, 'capped by cache 30')
    const txt = await askTwice(kdig, 'www.example.com', 'TXT', '+tcp')
    assert.equal(txt.answer[0]!.data, '"over there"')
  })

  test('EDNS of another version, and other opcodes', async () => {
    const version = await dig(at, 'www.example.com', '+edns=1', '+noednsnegotiation')
    assert.equal(version.status, 'BADVERS')
    const opcode = await dig(at, 'www.example.com', '+opcode=STATUS')
    assert.equal(opcode.status, 'NOTIMP')
  })

  test('health tells the truth, metrics have the names of the original', async () => {
    const healthy = await fetch(`http://127.0.0.1:${health}/health`)
    assert.equal(healthy.status, 200)
    assert.equal(await healthy.text(), 'OK')
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
    for (const name of [
      'coredns_dns_requests_total',
      'coredns_dns_request_duration_seconds_bucket',
      'coredns_dns_responses_total',
      'coredns_cache_entries',
      'coredns_cache_hits_total',
      'coredns_cache_misses_total',
      'coredns_proxy_request_duration_seconds_bucket',
      'coredns_plugin_enabled',
      'coredns_build_info',
      'process_resident_memory_bytes',
      'dnslet_cache_bytes',
    ]) {
      assert.match(text, new RegExp(`^${name}\\b`, 'm'), name)
    }
  })
})
