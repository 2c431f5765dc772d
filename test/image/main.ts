// `npm run image:test`: builds the image on this machine, runs it as the manifests of deploy/ would have it
// run, asks it, and prints what it is. As root on Debian, a few minutes; not part of `npm test`.
import assert from 'node:assert/strict'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parseManifests } from '../helpers/manifests.ts'
import { type Owner, startProcess, waitUntil } from '../helpers/processes.ts'
import { type BuiltImage, buildImage } from './build-image.ts'
import { memoryLimit, type PodSpec, writeBundle } from './bundle.ts'
import { exec, requirePrograms } from './exec.ts'
import { makeMemoryCgroup } from './memory-cgroup.ts'
import { isAnswered, NODE_IP, type NodeStandIn, startNode, UPSTREAM } from './node-stand-in.ts'
import { childrenOf, readStatus } from './process-status.ts'

const LOCAL = '169.254.20.10'
const KUBE_DNS = '10.96.0.10'
const root = join(import.meta.dirname, '../..')

/**
 * Whether this release makes interface, rules and Corefile by itself. Else the addresses exist before it
 * starts, the Corefile lies where -conf says, and the flags that ask for more are switched off.
 */
const setsUp: boolean = false
const withoutSetup = ['-setupinterface=false', '-setupiptables=false']

const say = (line: string): void => void process.stdout.write(`${line}\n`)

interface Case {
  readonly file: string
  /** Where clients ask. */
  readonly addresses: readonly string[]
  readonly http: string
  readonly uid: number
  readonly capabilities: readonly string[]
}

const cases: readonly Case[] = [
  {
    file: 'nodelocaldns.yaml',
    addresses: [LOCAL, KUBE_DNS],
    http: LOCAL,
    uid: 0,
    capabilities: ['NET_BIND_SERVICE', 'NET_ADMIN'],
  },
  // In a pod's own network, whose address stands in for all it could have.
  { file: 'cilium-lrp.yaml', addresses: [NODE_IP], http: NODE_IP, uid: 65532, capabilities: [] },
]

const ended: (() => Promise<void> | void)[] = []
const owner: Owner = { after: (fn) => void ended.unshift(fn) }
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void end(1))
try {
  await main()
  await end(0)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  await end(1)
}

async function end(code: number): Promise<never> {
  for (const step of ended.splice(0)) {
    try {
      await step()
    } catch (error) {
      console.error(`Cannot clean up: ${String(error)}`)
    }
  }
  process.exit(code)
}

async function main(): Promise<void> {
  requirePrograms()
  const folder = mkdtempSync(join(tmpdir(), 'dnslet-image-'))
  owner.after(() => rmSync(folder, { recursive: true, force: true }))
  const image = buildImage(owner, folder)
  describeImage(image)
  for (const [i, one] of cases.entries()) {
    const own: (() => Promise<void> | void)[] = []
    const place = join(folder, `case-${i}`)
    mkdirSync(place)
    owner.after(async () => {
      for (const step of own.splice(0)) await step()
    })
    await runCase({ after: (fn) => void own.unshift(fn) }, place, image, one)
    for (const step of own.splice(0)) await step()
  }
}

function describeImage({ rootfs, bytes, labels, entrypoint }: BuiltImage): void {
  say(`image: ${Math.round(bytes / 1e6)} MB, entrypoint ${entrypoint.join(' ')}`)
  for (const [name, value] of Object.entries(labels)) {
    if (name.startsWith('org.opencontainers.')) say(`  ${name}: ${value}`)
  }
  const sbom = JSON.parse(readFileSync(join(rootfs, 'opt/dnslet/sbom.cdx.json'), 'utf8')) as {
    bomFormat: string
    components: { name: string; version: string }[]
  }
  assert.equal(sbom.bomFormat, 'CycloneDX')
  const listed = new Set(sbom.components.map(({ name, version }) => `${name}@${version}`))
  const modules = join(rootfs, 'opt/dnslet/node_modules')
  const installed = globSync('**/node_modules/{*,@*/*}/package.json', { cwd: join(modules, '..') })
    .map((file) => JSON.parse(readFileSync(join(modules, '..', file), 'utf8')) as Package)
    .filter(({ name, version }) => name !== undefined && version !== undefined)
    .map(({ name, version }) => `${name}@${version}`)
  assert.deepEqual(listed, new Set(installed), 'the SBOM lists what is installed')
  assert.ok(!installed.some((one) => one.startsWith('typescript@')), 'no development packages')
  say(`SBOM: CycloneDX, ${listed.size} components, those of node_modules`)
}

/**
 * crun refuses to start where cgroups of both versions have controllers. It gets to see version 1 alone:
 * limits are not its business here.
 */
function crunCommand(words: readonly string[]): string[] {
  const hide = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"'
  return ['unshare', '--mount', 'sh', '-c', hide, 'sh', ...words]
}

interface Package {
  readonly name?: string
  readonly version?: string
}

async function runCase(own: Owner, folder: string, image: BuiltImage, one: Case): Promise<void> {
  const objects = parseManifests(
    readFileSync(join(root, 'deploy', one.file), 'utf8')
      .replaceAll('__PILLAR__LOCAL__DNS__', LOCAL)
      .replaceAll('__PILLAR__DNS__DOMAIN__', 'cluster.local')
      .replaceAll('__PILLAR__DNS__SERVER__', KUBE_DNS),
  )
  const spec = <T>(kind: string): T => objects.find((object) => object.kind === kind) as T
  const pod = spec<{ spec: { template: { spec: PodSpec } } }>('DaemonSet').spec.template.spec
  const base = spec<{ data: { Corefile: string } }>('ConfigMap').data.Corefile
  const corefile = base
    .replaceAll('__PILLAR__CLUSTER__DNS__', UPSTREAM)
    .replaceAll('__PILLAR__UPSTREAM__SERVERS__', '/etc/resolv.conf')
  const node = await startNode(
    own,
    folder,
    pod.hostNetwork === true && !setsUp ? one.addresses : [],
  )
  const id = `dnslet-image-${process.pid}`
  const state = ['--cgroup-manager', 'disabled', '--root', join(folder, 'crun')]
  const crun = (...words: string[]): string =>
    exec('unshare', crunCommand([...state, ...words]).slice(1))
  const cgroup = makeMemoryCgroup(own, id, memoryLimit(pod))
  const { args } = pod.containers[0]
  const others = args.filter((arg) => !arg.startsWith('-setup'))
  writeBundle({
    image,
    pod,
    folder,
    networkNamespace: node.namespace,
    env: { NODE_IP, KUBE_DNS_UPSTREAM_SERVICE_HOST: UPSTREAM },
    args: setsUp ? args : [...others, ...withoutSetup],
    files: {
      tmp: setsUp ? {} : { Corefile: corefile },
      'config-volume': { 'Corefile.base': base },
    },
    cgroup,
  })
  own.after(() => void crun('delete', '--force', id))
  const enter = ['-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', cgroup.folder]
  const run = crunCommand([...state, 'run', '--bundle', folder, id])
  const running = startProcess(own, 'sh', [...enter, ...run])
  const ask = (...more: string[]): string =>
    node.dig(`@${one.addresses[0]}`, 'kubernetes.default.svc.cluster.local', ...more)
  await waitUntil('dnslet', () => isAnswered(ask), running, 30)
  say(`${one.file}:`)
  checkAnswers(node, one)
  const { pid } = JSON.parse(crun('state', id)) as { pid: number }
  checkProcess(pid, one)
  if (one.capabilities.includes('NET_ADMIN')) {
    const inside = (...words: string[]): string => crun('exec', id, ...words)
    inside('nft', 'add table ip deploy_image; delete table ip deploy_image')
    inside('iptables', '-w', '-t', 'raw', '-S')
    say(`  ${inside('nft', '--version')}; ${inside('iptables', '--version')}: both work`)
  }
  crun('kill', id, 'TERM')
  const begun = performance.now()
  await waitUntil('the end of dnslet', () => running.ended() !== null, undefined, 30)
  assert.equal(running.ended(), 0, running.output())
  say(`  SIGTERM: exit code 0 after ${((performance.now() - begun) / 1000).toFixed(1)} s`)
}

function checkAnswers(node: NodeStandIn, { addresses, http }: Case): void {
  for (const address of addresses) {
    for (const transport of ['+notcp', '+tcp']) {
      const name = 'kubernetes.default.svc.cluster.local'
      assert.equal(node.dig(`@${address}`, transport, name), '10.96.0.1')
    }
  }
  assert.equal(node.get(`http://${http}:8181/ready`), 'OK')
  assert.equal(node.get(`http://${http}:8080/health`), 'OK')
  const metrics = node.get(`http://${NODE_IP}:9253/metrics`)
  assert.match(metrics, /^coredns_dns_requests_total\{/m)
  const limit = Number(/^dnslet_cache_limit_bytes (\d+)/m.exec(metrics)?.[1])
  say(`  answers on ${addresses.join(' and ')} over UDP and TCP; /ready, /health and /metrics too`)
  say(`  the caches may hold ${Math.round(limit / 2 ** 20)} MiB`)
}

function checkProcess(first: number, { uid, capabilities }: Case): void {
  assert.match(readStatus(first).words.join(' '), /^tini /, 'the first process')
  const [pid = 0] = childrenOf(first)
  const status = readStatus(pid)
  assert.equal(status.uid, uid)
  for (const set of ['CapBnd', 'CapEff', 'CapPrm']) {
    assert.deepEqual(status.capabilities[set], capabilities, set)
  }
  assert.deepEqual(status.capabilities['CapAmb'], [])
  assert.ok(status.noNewPrivileges && status.isFiltered && status.hasReadOnlyRoot)
  const heap = status.words.find((word) => word.startsWith('--max-old-space-size='))
  assert.equal(heap, '--max-old-space-size=50', 'a quarter of the memory limit')
  const effective = (status.capabilities['CapEff'] ?? []).join(' ') || 'none'
  say(
    `  uid ${status.uid}, effective capabilities: ${effective}; no new privileges, seccomp filter,`,
  )
  say(`  read-only root; ${heap}; RSS ${status.rssMiB} MiB; tini is the first process`)
}
