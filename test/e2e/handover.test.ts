// One daemon after another takes over from the one before it, under load, and nobody notices.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { handoverSocket } from '../../src/host/handover/protocol.ts'
import { libc } from '../../src/sys/libc.ts'
import { findTool, requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { type Dnslet, startDnslet } from '../helpers/dnslet.ts'
import { startNsd, temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { type Owner, waitUntil } from '../helpers/processes.ts'
import { frame, query, tcpClient } from '../net/clients.ts'

const NAMES = 1_000
/** More of them, or another rate, by hand: DNSLET_HANDOVERS=20 DNSLET_QPS=20000. */
const HANDOVERS = Number(process.env['DNSLET_HANDOVERS'] ?? 4)
const QPS = Number(process.env['DNSLET_QPS'] ?? 10_000)

const skip = requireTools('nsd', 'dig', 'dnsperf') || (libc().libc === null && 'needs koffi')

interface Node {
  readonly port: number
  readonly metrics: number
  readonly names: string
  /** Whether somebody can be asked to hand over. */
  readonly offers: () => boolean
  /** From here on there is nothing to fall back on. */
  readonly forgetLastGood: () => Promise<void>
  readonly start: (options?: {
    readonly corefile?: string
    readonly env?: NodeJS.ProcessEnv
    readonly args?: readonly string[]
  }) => Promise<Dnslet>
}

/** A machine with an upstream and a state directory, on which daemons can be started. */
async function makeNode(owner: Owner): Promise<Node> {
  const hosts = Array.from({ length: NAMES }, (_, i) => `n${i} 3600 IN A 192.0.2.1\n`)
  const zone = `@ 3600 IN SOA ns hostmaster 1 7200 1800 86400 5\n@ 3600 IN NS ns\n${hosts.join('')}`
  const nsd = await startNsd(owner, { 'test.': zone })
  const folder = temporaryFolder(owner)
  chmodSync(folder, 0o700)
  const [port, metrics] = [await freePort(), await freePort()]
  const names = join(folder, 'names')
  writeFileSync(names, Array.from({ length: NAMES }, (_, i) => `n${i}.test. A\n`).join(''))
  const standard = `.:${port} {
  bind 127.0.0.1
  prometheus 127.0.0.1:${metrics}
  cache 3000
  loop
  forward . 127.0.0.1:${nsd.port}
}
`
  return {
    port,
    metrics,
    names,
    offers: () => globSync(handoverSocket('*'), { cwd: folder }).length > 0,
    forgetLastGood: async () => {
      const kept = (): string[] => globSync('**/last-good.json', { cwd: folder })
      await waitUntil('it is kept', () => kept().length > 0)
      for (const file of kept()) rmSync(join(folder, file))
    },
    start: ({ corefile = standard, env = {}, args = [] } = {}) =>
      startDnslet(owner, corefile, {
        env: { DNSLET_STATE_DIR: folder, ...env },
        conf: join(folder, 'Corefile'),
        args,
      }),
  }
}

async function serving({ process: daemon }: Dnslet, { port }: Node): Promise<void> {
  const at = { address: '127.0.0.1', port }
  await waitUntil('dnslet', async () => (await dig(at, 'n0.test')).answer.length === 1, daemon)
}

/** Resolves once `young` has taken the place of `old`, which has left without an error, and may be replaced itself. */
async function replaced(node: Node, old: Dnslet, young: Dnslet): Promise<void> {
  const took = (): boolean => young.process.output().includes('Took over from process')
  await waitUntil('the take-over', took, young.process)
  await waitUntil('the old one to leave', () => old.process.ended() !== null, young.process)
  assert.equal(old.process.ended(), 0, old.process.output())
  await waitUntil('its offer', node.offers, young.process)
  const others = 'No other process serves these addresses'
  assert.ok(!young.process.output().includes(others), 'a predecessor is none of the others')
}

async function dnsperf(node: Node, ...args: readonly string[]): Promise<string> {
  // Many sockets, each with its own receive buffer: this machine's processors are busy, and answers
  // that dnsperf comes too late to read would look like ours that are missing.
  const to = ['-s', '127.0.0.1', '-p', String(node.port), '-d', node.names, '-c', '20']
  const load = spawn(findTool('dnsperf')!, [...to, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let report = ''
  load.stdout.on('data', (chunk: Buffer) => (report += chunk.toString()))
  await once(load, 'exit')
  return report
}

/** Metrics of whichever process has the address, by name; what has several series is added up. */
async function scrape({ metrics }: Node): Promise<(name: string) => number> {
  const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
  return (name) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

/** Datagrams that the kernel had no room for in the UDP socket, whoever read it. */
function unread({ port }: Node): number {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = readFileSync('/proc/net/udp', 'latin1').split('\n')
  const line = lines.map((text) => text.trim().split(/\s+/)).find(([, local]) => local === address)
  return Number(line?.at(-1))
}

/** One query over a connection of its own. Rejects where it is refused, reset or not answered. */
function askOverTcp(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const timer = setTimeout(() => socket.destroy(new Error('no answer in 2 s')), 2_000)
    socket.on('error', reject)
    socket.on('data', () => socket.end())
    socket.on('close', () => {
      clearTimeout(timer)
      if (socket.bytesRead > 0) resolve()
      else reject(new Error('closed without an answer'))
    })
    socket.write(frame(query({ name: 'n1.test' })))
  })
}

describe('hand-over', { skip }, () => {
  test(`${HANDOVERS} times under ${QPS} queries/s, nothing is lost`, async (t) => {
    const node = await makeNode(t)
    let old = await node.start()
    await serving(old, node)
    await dnsperf(node, '-n', '1')

    const idle = await tcpClient(t, { address: '127.0.0.1', port: node.port })
    idle.send(query({ name: 'n0.test' }))
    await idle.wait(1)
    const load = dnsperf(node, '-l', String(HANDOVERS * 4), '-Q', String(QPS), '-q', '1000')
    let over = false
    let fresh = 0
    const asking = (async () => {
      for (; !over; fresh++) {
        await askOverTcp(node.port)
        await delay(2)
      }
    })()

    for (let i = 0; i < HANDOVERS; i++) {
      const before = await scrape(node)
      const young = await node.start()
      await replaced(node, old, young)
      const after = await scrape(node)
      const started = 'process_start_time_seconds'
      assert.ok(after(started) > before(started), 'the new process answers for its metrics')
      assert.ok(after('coredns_cache_hits_total') > 0)
      // Each new process asks itself once over each protocol, for a name of its own (loop).
      assert.ok(after('coredns_cache_misses_total') <= 2, 'its first answers are hits')
      old = young
    }
    over = true
    await asking
    const report = await load
    t.diagnostic(`${fresh} fresh TCP connections; ${report.match(/Average Latency.*/)?.[0]}`)
    assert.equal(unread(node), 0, 'the shared socket never overflowed')
    assert.match(report, /Queries lost:\s+0 /)
    assert.match(report, /Response codes:\s+NOERROR \d+ \(100\.00%\)/)
    assert.ok(fresh > 10)
    await idle.ended()
    assert.equal(idle.socket.errored, null, 'ended, not reset')
  })

  test('between batched sockets and plain ones, both ways', async (t) => {
    const node = await makeNode(t)
    let old = await node.start()
    await serving(old, node)
    for (const udp of ['dgram', 'dgram', 'batched']) {
      const load = dnsperf(node, '-l', '3', '-Q', '2000')
      const young = await node.start({ env: { DNSLET_UDP: udp } })
      await replaced(node, old, young)
      assert.match(await load, /Queries lost:\s+0 /)
      old = young
    }
  })

  test('a successor that cannot start leaves the old one serving', async (t) => {
    const node = await makeNode(t)
    const old = await node.start()
    await serving(old, node)
    const other = createServer().listen(0, '127.0.0.1')
    t.after(() => other.close())
    await once(other, 'listening')
    const taken = (other.address() as AddressInfo).port
    const more = `.:${node.port} .:${taken} {\n  bind 127.0.0.1\n  forward . 127.0.0.1:1\n}\n`
    await node.forgetLastGood()
    const failing = await node.start({ corefile: more })
    await waitUntil('its end', () => failing.process.ended() !== null)
    assert.equal(failing.process.ended(), 1, failing.process.output())
    assert.match(failing.process.output(), /address already in use/)
    await waitUntil('the old one to notice', () =>
      old.process.output().includes('The successor did not take over'),
    )
    await serving(old, node)
    assert.equal(old.process.ended(), null)
  })

  test('one that serves other addresses too opens those, and what is gone is closed', async (t) => {
    const node = await makeNode(t)
    const extra = await freePort()
    const old = await node.start()
    await serving(old, node)
    const both = `.:${node.port} .:${extra} {\n  bind 127.0.0.1\n  forward . 127.0.0.1:1\n}\n`
    const young = await node.start({ corefile: both })
    await replaced(node, old, young)
    for (const port of [node.port, extra]) {
      assert.equal((await dig({ address: '127.0.0.1', port }, 'n0.test')).status, 'SERVFAIL')
    }
    await assert.rejects(fetch(`http://127.0.0.1:${node.metrics}/metrics`), 'nobody serves it')
  })

  test('a server of other addresses is no predecessor: both go on', async (t) => {
    const node = await makeNode(t)
    const old = await node.start()
    await serving(old, node)
    const port = await freePort()
    const other = await node.start({
      corefile: `.:${port} {\n  bind 127.0.0.1\n  forward . 127.0.0.1:1\n}\n`,
    })
    await waitUntil('a word on it', () =>
      other.process.output().includes('both go on, without hand-over'),
    )
    await serving(old, node)
    await other.stop()
    await replaced(node, old, await node.start())
  })

  test('in a pod the old one waits for SIGTERM, which the kubelet sends', async (t) => {
    const node = await makeNode(t)
    const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1' }
    const old = await node.start({ env })
    await serving(old, node)
    const young = await node.start({ env })
    await waitUntil('it waits', () => old.process.output().includes('Waiting for SIGTERM'))
    await serving(young, node)
    assert.equal(old.process.ended(), null)
    await old.stop()
    assert.equal(old.process.ended(), 0)
    await serving(young, node)
  })
})
