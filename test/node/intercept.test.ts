import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import type { Daemon } from '../../src/daemon/daemon.ts'
import type { Interception } from '../../src/host/interception.ts'
import { interceptionState } from '../../src/host/interception-metrics.ts'
import { Holds } from '../../src/lib/holds.ts'
import { clusterZone, intercept } from '../../src/node/intercept.ts'
import { parseArgs } from '../../src/options/options.ts'
import type { ServeOptions } from '../../src/options/serve-options.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { findTool, requireTools } from '../helpers/debian.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { enterOwnNetwork, ip } from '../helpers/own-network.ts'
import { waitUntil } from '../helpers/processes.ts'

// A network of our own, in which port 53 is free and nobody minds rules and links.
const skip = enterOwnNetwork() || requireTools('nft', 'iptables-nft')

const NAME = 'nodelocaldns'
const SERVICES = ['10.96.0.10', 'fd00:96::a']
const LINK_LOCAL = ['169.254.20.10', 'fe80::53']

function options(...args: readonly string[]): ServeOptions {
  const command = parseArgs(args)
  assert.ok(command.kind === 'serve', JSON.stringify(command))
  return command.options
}

interface Intercepted {
  readonly interception: Interception
  readonly log: LinesLog
  readonly readiness: Holds
  /** Names that were asked for. */
  readonly asked: string[]
  /** Whether every query is led here, as far as neighbours were told. */
  readonly leadsAll: () => boolean
}

interface Given {
  readonly args?: readonly string[]
  readonly zone?: string
  readonly state?: string | null
  readonly tun?: number | null
  readonly pods?: readonly string[]
  readonly scope?: string
  /** What is wrong with the answers to itself. */
  readonly problem?: string | null
  readonly isBeside?: boolean
}

/** Intercepts for a daemon that answers itself, until the test ends. */
async function start(
  t: TestContext,
  addresses: readonly string[],
  given: Given = {},
): Promise<Intercepted> {
  const { zone = '.', state = null, tun = null, pods = [], args = [] } = given
  const log = new LinesLog()
  const readiness = new Holds()
  const asked: string[] = []
  const daemon = {
    runtime: { blocks: [{ context: { zones: [zone] }, stages: [] }] },
    readiness,
    selfQuery: async (name: string) => {
      asked.push(name)
      return given.problem ?? null
    },
    selfCheck: () => Promise.resolve(null),
    lookUp: async (name: string) => {
      asked.push(name)
      return pods
    },
  } as unknown as Daemon
  let way = { leadsAll: false }
  const setup = ['-setupinterface=true', '-setupiptables=true', `-localip=${addresses.join()}`]
  const descriptors = new Descriptors()
  descriptors.inherit({ has: () => false, take: () => null, takeTun: () => tun })
  const interception = await intercept({
    options: options(...setup, ...args),
    daemon,
    upstreamKnown: () => true,
    zone: clusterZone(daemon),
    log,
    state,
    inheritsTun: tun !== null,
    neighbours: {
      state: given.isBeside === true ? 'beside' : 'nobody',
      scope: given.scope ?? '',
      link: 'nodelocaldns',
      ledBy: (one) => void (way = one),
    },
    descriptors,
  })
  t.after(() => interception.remove(false))
  t.after(() => interception.withdraw())
  return { interception, log, readiness, asked, leadsAll: () => way.leadsAll }
}

function exists(): boolean {
  return ip('link show').includes(` ${NAME}:`)
}

/** Our table as nft lists it; '' where there is none. */
function table(): string {
  const { stdout } = spawnSync(findTool('nft')!, ['list', 'table', 'inet', 'dnslet'])
  return stdout.toString()
}

/** Rules of a kube-proxy that leads 10.96.0.10 on, until the test ends. */
function addKubeProxy(t: TestContext): void {
  const input = `table ip kube-proxy {
  map service-ips {
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = { 10.96.0.10 . udp . 53 : goto dns }
  }
  chain dns { }
}
`
  assert.equal(spawnSync(findTool('nft')!, ['-f', '-'], { input }).status, 0)
  t.after(() => void spawnSync(findTool('nft')!, ['delete', 'table', 'ip', 'kube-proxy']))
}

describe('clusterZone()', () => {
  const zone = (...blocks: readonly (readonly [zones: string, stages?: string])[]): string => {
    const runtime = {
      blocks: blocks.map(([zones, stages = '']) => ({
        context: { zones: zones.split(' ') },
        stages: stages.split(' ').map((name) => ({ name })),
      })),
    }
    return clusterZone({ runtime } as unknown as Daemon)
  }

  test('is cluster.local, wherever its block stands', () => {
    assert.equal(zone(['example.', 'health'], ['a.test. cluster.local.'], ['.']), 'cluster.local.')
  })

  test('is else the zone of the block with health, behind those of others', () => {
    assert.equal(zone(['example.', 'cache'], ['k8s.test.', 'cache health'], ['.']), 'k8s.test.')
  })

  test('is else the first zone of names', () => {
    const blocks = [['10.in-addr.arpa.'], ['.', 'health'], ['k8s.test.'], ['b.test.']] as const
    assert.equal(zone(...blocks), 'k8s.test.')
  })

  test('is cluster.local where there is the root alone', () => {
    assert.equal(zone(['.', 'health'], ['ip6.arpa.']), 'cluster.local.')
  })
})

describe('intercept()', { skip }, () => {
  test('sets up interface, rules and readiness, and takes all of it away again', async (t) => {
    const { interception, readiness, log, asked, leadsAll } = await start(t, ['10.96.0.10'])
    assert.equal(leadsAll(), true)
    assert.match(ip(`address show dev ${NAME}`), /inet 10\.96\.0\.10\/32/)
    assert.match(table(), /elements = \{ 10\.96\.0\.10 /)
    assert.deepEqual(readiness.reasons, [])
    assert.equal(asked[0], 'kubernetes.default.svc.cluster.local.')
    assert.ok(log.lines.includes('[INFO] Queries of this node are intercepted'))
    await interception.withdraw()
    assert.doesNotMatch(table(), /lease4 \{[^}]*elements/)
    await interception.remove(false)
    assert.equal(exists(), false)
    assert.equal(table(), '')
  })

  test('answers without rules while no program makes any, and has them afterwards', async (t) => {
    const { PATH } = process.env
    t.after(() => (process.env['PATH'] = PATH))
    process.env['PATH'] = temporaryFolder(t)
    const { interception, log } = await start(t, ['169.254.20.10', '10.96.0.10'])
    process.env['PATH'] = PATH
    assert.match(ip(`address show dev ${NAME}`), /inet 169\.254\.20\.10\/32/)
    assert.ok(log.lines.includes('[INFO] Queries of this node are intercepted'))
    assert.match(
      log.lines.join('\n'),
      /not in place, and are tried again: Cannot make packet rules/,
    )
    await interception.sync()
    await interception.sync()
    assert.match(table(), /169\.254\.20\.10/)
    assert.equal(interceptionState.rules, 'nft')
  })

  test('does not begin beside another one without rules', async (t) => {
    const { PATH } = process.env
    t.after(() => (process.env['PATH'] = PATH))
    process.env['PATH'] = temporaryFolder(t)
    await assert.rejects(start(t, ['169.254.20.10'], { isBeside: true }), { code: 'E_NO_RULES' })
  })

  test('begins without an answer where nobody else would give one', async (t) => {
    await start(t, ['169.254.20.10'], { problem: 'SERVFAIL' })
    assert.equal(interceptionState.state, 'active')
  })

  test('but not where somebody would at another of its addresses', async (t) => {
    addKubeProxy(t)
    await start(t, ['169.254.20.10', '10.96.0.10'], { problem: 'SERVFAIL' })
    assert.equal(interceptionState.state, 'waiting')
  })

  test('asks for names in the zone of the first block', async (t) => {
    const { asked, interception } = await start(t, ['169.254.20.10'], { zone: 'my.zone.' })
    await interception.sync()
    assert.deepEqual(asked, [
      'kubernetes.default.svc.my.zone.',
      'kube-dns-pods.kube-system.svc.my.zone.',
    ])
  })

  test('warns of Services that kube-proxy does not know, not of link-local addresses', async (t) => {
    const { log } = await start(t, [...SERVICES, ...LINK_LOCAL])
    const warnings = log.lines.filter((line) => line.includes('No rule of kube-proxy leads to'))
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!, /leads to 10\.96\.0\.10, fd00:96::a: while dnslet is dead/)
  })

  test('leads orphans to pods of kube-dns, which it keeps for the next process', async (t) => {
    const state = temporaryFolder(t)
    const { interception } = await start(t, ['169.254.20.10'], { state, pods: ['10.244.1.10'] })
    await waitUntil('the fallback', () => table().includes('dnat ip to 10.244.1.10:53'))
    const kept = join(state, 'kube-dns-pods.json')
    assert.equal(readFileSync(kept, 'utf8'), '["10.244.1.10"]')
    await interception.withdraw()
    await interception.remove(false)
    assert.match(table(), /dnat ip to 10\.244\.1\.10:53/, 'it answers when we are gone')

    writeFileSync(kept, '["10.244.1.11"]')
    await start(t, ['169.254.20.10'], { state })
    assert.match(table(), /dnat ip to 10\.244\.1\.11:53/, 'known before DNS answers')
  })

  test('has no fallback where kube-proxy answers', async (t) => {
    addKubeProxy(t)
    const { asked, log } = await start(t, ['10.96.0.10'])
    assert.deepEqual(asked, ['kubernetes.default.svc.cluster.local.'])
    assert.deepEqual(
      log.lines.filter((line) => line.includes('kube-proxy')),
      [],
    )
  })

  test('leaves addresses that kube-proxy holds in IPVS mode to it, and says so', async (t) => {
    ip('link add kube-ipvs0 type bridge')
    t.after(() => void ip('link delete kube-ipvs0'))
    ip('address add 10.96.0.10/32 dev kube-ipvs0')
    const { log, leadsAll } = await start(t, ['10.96.0.10', '169.254.20.10'])
    assert.equal(leadsAll(), false)
    assert.doesNotMatch(ip(`address show dev ${NAME}`), /10\.96\.0\.10/)
    assert.match(ip(`address show dev ${NAME}`), /169\.254\.20\.10/)
    assert.doesNotMatch(table(), /10\.96\.0\.10/)
    const warnings = log.lines.filter((line) => line.includes('IPVS'))
    assert.equal(warnings.length, 1)
    assert.match(
      warnings[0]!,
      /^\[WARNING\] kube-proxy in IPVS mode holds 10\.96\.0\.10, which cannot/,
    )
  })

  test('refuses to start where kube-proxy in IPVS mode holds them all', async (t) => {
    ip('link add kube-ipvs0 type bridge')
    t.after(() => void ip('link delete kube-ipvs0'))
    ip('address add 10.96.0.10/32 dev kube-ipvs0')
    await assert.rejects(start(t, ['10.96.0.10']), {
      code: 'E_IPVS',
      message:
        /^Cannot intercept 10\.96\.0\.10: kube-proxy in IPVS mode holds it; use -localip 169/,
    })
    assert.deepEqual([exists(), table()], [false, ''])
  })

  test('with one flag alone does that half', async (t) => {
    const rules = await start(t, ['10.96.0.10'], { args: ['-setupinterface=false'] })
    assert.equal(exists(), false)
    assert.notEqual(table(), '')
    await rules.interception.withdraw()
    await rules.interception.remove(false)
    await start(t, ['10.96.0.10'], { args: ['-setupiptables=false'] })
    assert.ok(exists())
    assert.equal(table(), '')
  })

  test("goes on with a predecessor's TUN, which never goes", async (t) => {
    const old = await start(t, ['10.96.0.10'])
    const index = (): string => ip(`link show dev ${NAME}`).split(':')[0]!
    const before = index()
    // What a hand-over does: another descriptor of the same open file.
    const { libc } = await import('../../src/sys/libc.ts')
    const tun = libc().libc!.fcntl(old.interception.tun!, 1030, 3)
    const next = await start(t, ['10.96.0.10'], { tun })
    old.interception.leave()
    assert.equal(index(), before)
    assert.equal(next.interception.tun, tun)
    assert.deepEqual(next.asked, [], 'it intercepts at once')
  })

  test('where the interface cannot be had, leaves nothing behind', async (t) => {
    ip(`link add ${NAME} type bridge`)
    t.after(() => void ip(`link delete ${NAME}`))
    await assert.rejects(start(t, ['10.96.0.10']), { code: 'E_INTERFACE' })
    assert.equal(table(), '')
  })
})
