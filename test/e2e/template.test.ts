// The Corefile made from the official Corefile.base and the kube-dns ConfigMap, ports aside, by the real
// daemon with the arguments of the official manifest, in front of real name servers.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { mountConfigMap } from '../helpers/config-map.ts'
import { findTool, requireTools } from '../helpers/debian.ts'
import { dig, type Server } from '../helpers/dig.ts'
import { bin } from '../helpers/dnslet.ts'
import { startKubeDns } from '../helpers/kube-dns.ts'
import { type NameServer, startNsd, temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { answers } from '../helpers/probe.ts'
import { type Owner, type Running, startProcess, waitUntil } from '../helpers/processes.ts'
import { stateFile } from '../helpers/state.ts'

const LOCAL = '127.0.0.1'
/** Stands for ClusterIP and servers outside: none of them may be one of -localip. */
const OUTSIDE = '127.0.0.2'

/** A change has to be seen within this time, in seconds. */
const SOON = 2

const head = (address: string): string =>
  `@ 60 IN SOA ns hostmaster 1 7200 1800 86400 5\n@ 60 IN NS ns\nns 60 IN A ${address}\n`

const clusterZone = `${head('10.96.0.10')}kubernetes.default.svc 30 IN A 10.96.0.1\n`
const upstreamRecord = `kube-dns-upstream.kube-system.svc 30 IN A ${OUTSIDE}\n`

interface AdminPorts {
  readonly health: number
  readonly zones: number
}

/** A node: its files as volumes would mount them, its addresses, and what runs on it. */
class Node {
  readonly folder: string
  readonly base: string
  readonly conf: string
  readonly kubeDns: string
  readonly state: string
  readonly at: Server
  readonly metrics: number
  readonly #owner: Owner
  readonly #ports: AdminPorts

  static async open(owner: Owner): Promise<Node> {
    const [port, health, zones, metrics] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ]
    return new Node(owner, port, metrics, { health, zones })
  }

  private constructor(owner: Owner, port: number, metrics: number, ports: AdminPorts) {
    this.#owner = owner
    this.#ports = ports
    this.folder = temporaryFolder(owner)
    this.base = join(this.folder, 'coredns', 'Corefile.base')
    this.conf = join(this.folder, 'Corefile')
    this.kubeDns = join(this.folder, 'kube-dns')
    this.state = join(this.folder, 'state')
    this.at = { address: LOCAL, port }
    this.metrics = metrics
    mkdirSync(join(this.folder, 'coredns'))
    mkdirSync(this.kubeDns)
  }

  /** The official base file after the installer's `sed`; the upstream's port is not 53 here. */
  official(upstreamPort: number): string {
    const block = (zone: string, cache: string, forward: string, extra = ''): string => `${zone} {
    errors
    ${cache}
    reload
    loop
    bind ${LOCAL} __PILLAR__DNS__SERVER__
    ${forward}
    prometheus ${LOCAL}:${this.#ports.zones}
${extra}}
`
    const kubeDns = `forward . __PILLAR__CLUSTER__DNS__:${upstreamPort} {
            force_tcp
    }`
    const cache = `cache {
            success 9984 30
            denial 9984 5
    }`
    return [
      block('cluster.local', cache, kubeDns, `    health ${LOCAL}:${this.#ports.health}\n`),
      block('in-addr.arpa', 'cache 30', kubeDns),
      block('ip6.arpa', 'cache 30', kubeDns),
      block('.', 'cache 30', 'forward . __PILLAR__UPSTREAM__SERVERS__'),
    ].join('')
  }

  /** Starts the daemon; does not wait for it. */
  start(env: NodeJS.ProcessEnv = {}, wrapper: readonly string[] = []): Running {
    const pidfile = join(this.folder, 'pid')
    const args = [
      `-localip ${LOCAL} -conf ${this.conf} -upstreamsvc kube-dns-upstream -pidfile ${pidfile}`,
      `-basecorefile ${this.base} -kubednscm ${this.kubeDns} -dns.port ${this.at.port}`,
      `-metrics-listen-address ${LOCAL}:${this.metrics} -syncinterval 1s -log-format text`,
      // This machine's own network stays as it is.
      '-setupinterface=false -setupiptables=false',
    ].flatMap((line) => line.split(' '))
    const [command = bin, ...more] = [...wrapper, bin, ...args]
    const found = { KUBE_DNS_UPSTREAM_SERVICE_HOST: OUTSIDE, DNSLET_STATE_DIR: this.state }
    return startProcess(this.#owner, command, more, { ...process.env, ...found, ...env })
  }

  async serving(daemon: Running): Promise<void> {
    await waitUntil('dnslet', () => answers(LOCAL, this.at.port, 'ready.test'), daemon)
    await waitUntil('the pid file', () => existsSync(join(this.folder, 'pid')), daemon)
  }

  /** Mounts the ConfigMap; names outside always go to `outside`, so that none leaves this machine. */
  mount(
    outside: NameServer,
    stubDomains: Readonly<Record<string, readonly string[]>> | string,
  ): void {
    mountConfigMap(this.kubeDns, {
      upstreamNameservers: JSON.stringify([`${OUTSIDE}:${outside.port}`]),
      stubDomains: typeof stubDomains === 'string' ? stubDomains : JSON.stringify(stubDomains),
    })
  }

  writeBase(text: string): void {
    writeFileSync(`${this.base}.new`, text)
    renameSync(`${this.base}.new`, this.base)
  }

  async address(name: string): Promise<string> {
    const { status, answer } = await dig(this.at, name)
    return answer[0]?.data ?? status
  }

  async metric(line: string): Promise<number> {
    const text = await (await fetch(`http://${LOCAL}:${this.metrics}/metrics`)).text()
    const found = text.split('\n').find((l) => l.startsWith(`${line} `))
    return found === undefined ? NaN : Number(found.slice(line.length + 1))
  }
}

const CONFIGMAP_ERRORS = 'coredns_nodecache_setup_errors_total{errortype="configmap"}'
const LAST_GOOD = 'dnslet_corefile_last_good_in_use'

function said(daemon: Running, text: string | RegExp, seconds = SOON): Promise<void> {
  const found = (): boolean =>
    typeof text === 'string' ? daemon.output().includes(text) : text.test(daemon.output())
  return waitUntil(`"${text}"`, found, daemon, seconds)
}

async function ended(daemon: Running): Promise<number | string | null> {
  await waitUntil('the end of dnslet', () => daemon.ended() !== null)
  return daemon.ended()
}

describe('the Corefile template', { skip: requireTools('nsd', 'dig') }, () => {
  test('the official base file: cluster, stub domain and the rest, and the Corefile on disk', async (t) => {
    const node = await Node.open(t)
    const cluster = await startKubeDns(t, { 'cluster.local.': clusterZone }, OUTSIDE)
    const outside = await startNsd(t, { 'test.': head('192.0.2.1') }, OUTSIDE)
    const stub = await startNsd(t, { 'acme.test.': head('192.0.2.2') }, OUTSIDE)
    node.writeBase(node.official(cluster.port))
    node.mount(outside, { 'acme.test': [`${OUTSIDE}:${stub.port}`] })
    const daemon = node.start()
    await node.serving(daemon)

    assert.equal(await node.address('kubernetes.default.svc.cluster.local'), '10.96.0.1')
    assert.equal(await node.address('ns.test'), '192.0.2.1')
    assert.equal(await node.address('ns.acme.test'), '192.0.2.2')

    await said(daemon, 'Updated Corefile with 1 custom stubdomains')
    const text = readFileSync(node.conf, 'utf8')
    assert.doesNotMatch(text, /__PILLAR__/)
    const block = `\nacme.test:${node.at.port} {\n    errors\n    cache 30\n    reload\n    loop\n    bind ${LOCAL}`
    assert.ok(text.includes(block), text)
    const server = `server="dns://${LOCAL}:${node.at.port}"`
    const labels = `family="1",proto="udp",${server},type="A",view="",zone="acme.test."`
    assert.equal(await node.metric(`coredns_dns_requests_total{${labels}}`), 1)
    assert.equal(await node.metric(CONFIGMAP_ERRORS), 0)
  })

  test('a swapped ConfigMap is in force within two seconds, an invalid one never, a repaired one is', async (t) => {
    const node = await Node.open(t)
    const outside = await startNsd(t, { 'test.': head('192.0.2.1') }, OUTSIDE)
    const stub = await startNsd(t, { 'acme.test.': head('192.0.2.2') }, OUTSIDE)
    const servers = [`${OUTSIDE}:${stub.port}`]
    node.writeBase(node.official(9))
    node.mount(outside, {})
    const daemon = node.start()
    await node.serving(daemon)
    assert.equal(await node.address('ns.acme.test'), 'NXDOMAIN')

    const resolves = async (): Promise<boolean> =>
      (await node.address('ns.acme.test')) === '192.0.2.2'
    node.mount(outside, { 'acme.test': servers })
    await waitUntil('the stub domain', resolves, daemon, SOON)

    node.mount(outside, '{"acme.test": ["ns.acme.test"]}')
    await said(
      daemon,
      /\[ERROR\] Invalid config: .*stubDomains: invalid nameserver: "ns\.acme\.test"/,
    )
    assert.equal(await node.metric(CONFIGMAP_ERRORS), 1)
    assert.equal(await node.address('ns.acme.test'), '192.0.2.2', 'what was valid stays')

    // The base file is followed meanwhile, with the last valid ConfigMap.
    node.writeBase(node.official(9).replaceAll('cache 30', 'cache 29'))
    const changed = (): boolean => readFileSync(node.conf, 'utf8').includes('cache 29')
    await waitUntil('the new base file', changed, daemon, SOON)
    assert.equal(await node.address('ns.acme.test'), '192.0.2.2')

    node.mount(outside, { 'acme.test': servers, 'other.test': servers })
    await said(daemon, 'Updated Corefile with 2 custom stubdomains')
    node.mount(outside, { 'other.test': servers, 'acme.test': servers })
    node.mount(outside, { 'cluster.local': servers, 'other.test': servers, 'acme.test': servers })
    await said(daemon, '[WARNING] stub domain cluster.local is left out')
    const reloads = daemon.output().split('Reloading complete').length - 1
    assert.equal(reloads, 3, 'another order, or a zone left out, is no news')
    assert.equal(await node.metric(CONFIGMAP_ERRORS), 1)
  })

  test('an invalid ConfigMap at start costs the stub domains alone, and is noticed when repaired', async (t) => {
    const node = await Node.open(t)
    const outside = await startNsd(t, { 'test.': head('192.0.2.1') }, OUTSIDE)
    // Without the ConfigMap the root block asks the machine's own servers: it must not do so by itself.
    node.writeBase(node.official(9).replaceAll('    loop\n', ''))
    node.mount(outside, '{')
    const daemon = node.start()
    await node.serving(daemon)
    await said(
      daemon,
      /\[ERROR\] Invalid config: .*; serving without stub domains until it is repaired/,
    )
    assert.equal(await node.metric(CONFIGMAP_ERRORS), 1)
    node.mount(outside, {})
    const repaired = async (): Promise<boolean> => (await node.address('ns.test')) === '192.0.2.1'
    await waitUntil('the repaired ConfigMap', repaired, daemon, SOON)
  })

  test('a bad base file at the first start: exit code 1, file and line', async (t) => {
    const node = await Node.open(t)
    node.writeBase(node.official(9).replace('    reload', '    relaod'))
    const daemon = node.start()
    assert.equal(await ended(daemon), 1)
    assert.match(
      daemon.output(),
      /Corefile\.base:7 - Error during parsing: Unknown directive 'relaod'/,
    )
    const missing = await Node.open(t)
    const other = missing.start()
    assert.equal(await ended(other), 1)
    assert.match(
      other.output(),
      /^Failed to read node-cache coreFile .*Corefile\.base - open .*: no such file/,
    )
    assert.equal(existsSync(missing.conf), false)
  })

  test('a bad base file while running is refused, at a restart the last good one serves', async (t) => {
    const node = await Node.open(t)
    const outside = await startNsd(t, { 'test.': head('192.0.2.1') }, OUTSIDE)
    const good = node.official(9)
    node.writeBase(good)
    node.mount(outside, {})
    const first = node.start()
    await node.serving(first)
    await said(first, 'Updated Corefile')
    const written = readFileSync(node.conf, 'utf8')

    node.writeBase(good.replaceAll('cache 30', 'cache 0'))
    await said(first, /Corefile changed but reload failed: .*Corefile\.base:\d+ - plugin\/cache/)
    node.writeBase(good.replaceAll('    reload', '    relaod'))
    await said(first, /Corefile parse failed: .*Corefile\.base:7 - .*'relaod'/)
    assert.equal(await node.metric(CONFIGMAP_ERRORS), 1)
    assert.equal(await node.address('ns.test'), '192.0.2.1')
    assert.equal(readFileSync(node.conf, 'utf8'), written)
    await first.stop()

    const second = node.start()
    await node.serving(second)
    await said(
      second,
      /\[ERROR\] Cannot use the present Corefile: .*'relaod'.*; the last good one, of /,
    )
    assert.equal(await node.address('ns.test'), '192.0.2.1')
    assert.equal(await node.metric(LAST_GOOD), 1)
    const complaints = (): number =>
      second.output().split('Cannot use the present Corefile').length - 1
    await waitUntil('a complaint each sync interval', () => complaints() >= 3, second)

    node.writeBase(good)
    await said(second, 'The present Corefile is served, not the last good one any more')
    assert.equal(await node.metric(LAST_GOOD), 0)
    assert.equal(await node.address('ns.test'), '192.0.2.1')
  })

  test("an upstream Service that appears late is found in the cluster's DNS", async (t) => {
    const node = await Node.open(t)
    const outside = await startNsd(t, { 'test.': head('192.0.2.1') }, OUTSIDE)
    const before = await startKubeDns(t, { 'cluster.local.': clusterZone }, OUTSIDE)
    node.writeBase(node.official(before.port))
    node.mount(outside, {})
    const daemon = node.start({
      KUBE_DNS_UPSTREAM_SERVICE_HOST: '',
      KUBE_DNS_SERVICE_HOST: OUTSIDE,
      KUBE_DNS_SERVICE_PORT: String(before.port),
    })
    await node.serving(daemon)
    await said(
      daemon,
      '[WARNING] Unable to lookup IP address of Upstream service kube-dns-upstream: ',
    )
    assert.equal(await node.address('kubernetes.default.svc.cluster.local'), 'SERVFAIL')
    assert.equal(await node.address('ns.test'), '192.0.2.1')
    assert.doesNotMatch(readFileSync(node.conf, 'utf8'), /nil/)
    assert.equal(stateFile(node.state, 'last-good.json'), null, 'no good for a restart')

    const { port } = before
    await before.stop()
    await startKubeDns(t, { 'cluster.local.': clusterZone + upstreamRecord }, OUTSIDE, port)
    await said(daemon, `Upstream service kube-dns-upstream has the address ${OUTSIDE}`, 5)
    const found = async (): Promise<boolean> =>
      (await node.address('kubernetes.default.svc.cluster.local')) === '10.96.0.1'
    // A failure is cached for up to five seconds.
    await waitUntil('the name of a Service', found, daemon, 7)
    await waitUntil('the last good one', () => stateFile(node.state, 'last-good.json') !== null)
    assert.equal(daemon.output().split('Unable to lookup').length - 1, 1, 'it is said once')
  })

  test(
    'a Corefile mounted as a single file is written in place',
    { skip: noMounts() },
    async (t) => {
      const node = await Node.open(t)
      const outside = await startNsd(t, { 'test.': head('192.0.2.1') }, OUTSIDE)
      node.writeBase(node.official(9))
      node.mount(outside, {})
      writeFileSync(node.conf, 'old')
      const mount = `mount --bind '${node.conf}' '${node.conf}' && exec "$@"`
      const daemon = node.start({}, ['unshare', '-m', 'sh', '-c', mount, 'sh'])
      await node.serving(daemon)
      await waitUntil('the Corefile', () =>
        readFileSync(node.conf, 'utf8').includes('cluster.local'),
      )
    },
  )
})

test(
  'the arguments of the official manifest, unchanged, with its paths in /etc',
  { skip: noMounts() },
  async (t) => {
    const folder = temporaryFolder(t)
    const etc = join(folder, 'etc')
    mkdirSync(join(etc, 'coredns'), { recursive: true })
    const local = ['169.254.20.10', '10.96.0.10']
    const base =
      `cluster.local:53 {\n  bind ${local.join(' ')}\n  forward . __PILLAR__CLUSTER__DNS__\n}\n` +
      `.:53 {\n  bind ${local.join(' ')}\n  forward . __PILLAR__UPSTREAM__SERVERS__\n}\n`
    writeFileSync(join(etc, 'coredns', 'Corefile.base'), base)
    writeFileSync(join(etc, 'resolv.conf'), 'nameserver 10.96.7.7\n')
    mountConfigMap(join(etc, 'kube-dns'), { stubDomains: '{"acme.test": ["10.96.8.8"]}' })
    // A network and a file system of its own; both end with the process.
    const script = [
      'ip link set lo up',
      ...local.map((address) => `ip addr add ${address}/32 dev lo`),
      `mount --bind '${etc}' /etc`,
      'exec "$@"',
    ].join(' && ')
    const args =
      '-localip 169.254.20.10,10.96.0.10 -conf /etc/Corefile -upstreamsvc kube-dns-upstream -pidfile'
    const env = { KUBE_DNS_UPSTREAM_SERVICE_HOST: '10.96.7.7', DNSLET_STATE_DIR: join(folder, 's') }
    const daemon = startProcess(
      t,
      'unshare',
      ['-m', '-n', 'sh', '-c', script, 'sh', bin, ...args.split(' '), join(folder, 'pid')],
      { ...process.env, ...env },
    )
    await said(daemon, 'Updated Corefile with 1 custom stubdomains', 10)
    const text = readFileSync(join(etc, 'Corefile'), 'utf8')
    assert.match(text, /forward \. 10\.96\.7\.7\n[^]*forward \. \/etc\/resolv\.conf\n/)
    assert.match(
      text,
      /^acme\.test:53 \{\n    bind 169\.254\.20\.10 10\.96\.0\.10\n    forward \. 10\.96\.8\.8\n/m,
    )
    await said(daemon, /acme\.test\.:53 on 169\.254\.20\.10/, 10)
  },
)

describe('the last good Corefile without a template', { skip: requireTools('nsd', 'dig') }, () => {
  async function startPlain(t: Owner, node: Node, args: readonly string[] = []): Promise<Running> {
    const all = ['-conf', node.conf, '-metrics-listen-address', `${LOCAL}:${node.metrics}`]
    const env = { ...process.env, DNSLET_STATE_DIR: node.state }
    return startProcess(t, bin, [...all, '-log-format', 'text', ...args], env)
  }

  test('a bad Corefile at a restart does not end DNS; its repair is seen without reload', async (t) => {
    const node = await Node.open(t)
    const nsd = await startNsd(t, { 'test.': head('192.0.2.1') }, OUTSIDE)
    const imported = join(node.folder, 'imported')
    writeFileSync(imported, `forward . ${OUTSIDE}:${nsd.port}\n`)
    const good = `.:${node.at.port} {\n  bind ${LOCAL}\n  import imported\n}\n`
    writeFileSync(node.conf, good)
    const first = await startPlain(t, node)
    await waitUntil(
      'the last good one',
      () => stateFile(node.state, 'last-good.json') !== null,
      first,
    )
    await first.stop()

    rmSync(imported)
    const second = await startPlain(t, node)
    await said(
      second,
      /Cannot use the present Corefile: .*Corefile:3 - .*File to import not found/,
      10,
    )
    await waitUntil(
      'an answer',
      async () => (await node.address('ns.test')) === '192.0.2.1',
      second,
    )
    assert.equal(await node.metric(LAST_GOOD), 1)
    writeFileSync(node.conf, good.replace('import imported', `forward . ${OUTSIDE}:${nsd.port}`))
    await said(second, 'The present Corefile is served')
    await second.stop()

    writeFileSync(join(node.folder, 'other'), '. {\n  bnid\n}\n')
    const other = await startPlain(t, node, ['-conf', join(node.folder, 'other')])
    assert.equal(await ended(other), 1, 'the last good one of another Corefile is none')
  })

  test('without a state directory a bad Corefile is refused as ever', async (t) => {
    const node = await Node.open(t)
    const nsd = await startNsd(t, { 'test.': head('192.0.2.1') }, OUTSIDE)
    writeFileSync(node.state, 'a file in its place')
    const good = `.:${node.at.port} {\n  bind ${LOCAL}\n  forward . ${OUTSIDE}:${nsd.port}\n}\n`
    writeFileSync(node.conf, good)
    const first = await startPlain(t, node)
    await waitUntil('an answer', async () => (await node.address('ns.test')) === '192.0.2.1', first)
    await first.stop()
    writeFileSync(node.conf, good.replace('bind', 'bnid'))
    const second = await startPlain(t, node)
    assert.equal(await ended(second), 1)
    assert.match(second.output(), /Corefile:2 - Error during parsing: Unknown directive 'bnid'/)
  })
})

function noMounts(): string | false {
  if (process.getuid?.() !== 0) return 'only root may mount'
  return ['unshare', 'ip'].some((tool) => findTool(tool) === null) && 'unshare or ip is missing'
}
