import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Results } from '../../bench/sample.ts'
import { requireTools } from '../helpers/debian.ts'

const root = join(import.meta.dirname, '../..')
const cores = availableParallelism() > 1 ? false : 'needs two cores'
const skip = requireTools('dnsperf', 'nsd', 'unbound') || cores

function start(t: TestContext, ...args: string[]): ChildProcess {
  const bench = spawn(process.execPath, ['bench/main.ts', ...args], { cwd: root })
  t.after(() => bench.kill('SIGKILL'))
  return bench
}

async function run(
  t: TestContext,
  ...args: string[]
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const bench = start(t, ...args)
  assert.ok(bench.stdout !== null && bench.stderr !== null)
  const closed = once(bench, 'close')
  const [stdout, stderr] = await Promise.all([text(bench.stdout), text(bench.stderr)])
  await closed
  assert.ok(!existsSync(join(root, '.bench', String(bench.pid))))
  return { stdout, stderr, code: bench.exitCode }
}

/**
 * Six free ports in a row, below those the kernel gives to sockets without one. By chance, as other
 * tests of this kind look for theirs, and take them only later.
 */
async function freePorts(): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const base = 10_000 + 10 * randomInt(2_000)
    const sockets = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => bind(base + i)))
    for (const socket of sockets) socket?.close()
    if (!sockets.includes(null)) return base
  }
  throw new Error('Cannot find six free ports in a row')
}

async function bind(port: number): Promise<ReturnType<typeof createSocket> | null> {
  const socket = createSocket('udp4')
  try {
    await once(socket.bind(port, '127.0.0.1'), 'listening')
    return socket
  } catch {
    socket.close()
    return null
  }
}

/** The built-in unbound's configuration with the peer's port, which is two lower. */
const secondUnbound = `
  cd "$BENCH_DIR" && other=$((BENCH_PORT + 2)) &&
  sed "s/@$other/@$BENCH_PORT/" config/$other-unbound.conf >again.conf &&
  exec unbound -d -c again.conf`

/** Processes of the benchmark: it gives every one its directory. */
function processesOf(pid: number | undefined): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false
    try {
      return readFileSync(`/proc/${entry}/environ`, 'utf8').includes(`/.bench/${pid}\0`)
    } catch {
      // It has ended, or belongs to somebody else.
      return false
    }
  })
}

test('bench --help prints its options', async (t) => {
  const { stdout, code } = await run(t, '--help')
  assert.match(stdout, /^Usage: npm run bench/)
  assert.equal(code, 0)
})

test('bench names an option it does not know, in one line', async (t) => {
  const { stderr, code } = await run(t, '--scenarios', 'nothing')
  assert.match(stderr, /^Cannot find scenario "nothing": known are .*\n$/)
  assert.equal(code, 1)
})

test('bench asks a server and reports its losses and its memory', { skip }, async (t) => {
  const base = await freePorts()
  const common = ['--servers', 'unbound', '--base-port', String(base)]
  const { stdout, stderr, code } = await run(t, ...common, '--endurance', '2000')
  assert.equal(stderr, '')
  const lines = stdout.split('\n')
  assert.equal(lines.at(0), 'unbound, 2,000 queries:')
  assert.match(lines.at(1) ?? '', /^2,000 queries: \d+\/s, 0 lost, 0 wrong, RSS \d+\.\d MiB, /)
  assert.equal(lines.at(2), '0 lost, 0 wrong; too short to judge the memory.')
  assert.equal(code, 0)
})

test(
  'bench measures a scenario, and tells it in words, in numbers and in a chart',
  { skip },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'dnslet-bench-'))
    t.after(() => rmSync(dir, { recursive: true }))
    const svg = join(dir, 'svg')
    const json = join(dir, 'json')
    const tables = join(dir, 'text')
    const base = await freePorts()
    const common = ['--servers', 'unbound', '--base-port', String(base), '--rounds', '1']
    const runs = ['--seconds', '1', '--latency-seconds', '1', '--warmup-seconds', '0']
    const files = ['--svg', svg, '--json', json, '--text', tables]
    const result = await run(t, ...common, ...runs, ...files, '--scenarios', 'serial')
    assert.equal(result.code, 0)
    assert.match(result.stderr, /^1\/1 serial unbound: [\d,]+\/s, [\d.]+ µs\n$/)
    assert.equal(result.stdout, readFileSync(tables, 'utf8') + '\n')
    assert.match(readFileSync(svg, 'utf8'), /^<svg .*<\/svg>\n$/s)
    const { samples, starts } = JSON.parse(readFileSync(json, 'utf8')) as Results
    assert.deepEqual(starts, [])
    const [sample] = samples
    assert.ok(sample !== undefined && samples.length === 1)
    assert.equal(sample.lost + sample.wrong, 0)
    assert.ok(sample.cpu > 0 && sample.userCpu + sample.systemCpu > 0 && sample.busy < 1)
    // Every name is in the cache: nsd has next to nothing to do.
    assert.ok(sample.upstreamCpu < 0.5)
    const { p50 = NaN, p99 = NaN, p999 = NaN } = sample.latency ?? {}
    assert.ok(p50 > 0 && p50 <= p99 && p99 <= p999)
    assert.ok(sample.rss > sample.rssAnon && sample.rssAnon > 1024)
  },
)

test('bench measures starts, also of a peer', { skip }, async (t) => {
  const base = await freePorts()
  const peer = `again=sh -c '${secondUnbound}'@${base + 1}`
  const common = ['--servers', 'unbound', '--base-port', String(base), '--rounds', '2']
  const { stdout, stderr, code } = await run(t, ...common, '--scenarios', 'start', '--peer', peer)
  assert.equal(stderr, '')
  assert.match(stdout, /^unbound [\d.]+, again \?, nsd [\d.]+\.\n/)
  assert.match(stdout, /\nunbound +\d+ \[\d+–\d+\]\nagain +\d+ \[\d+–\d+\]\n/)
  assert.equal(code, 0)
})

test('bench tells why a server does not start', { skip }, async (t) => {
  const base = await freePorts()
  const peer = `broken=sh -c 'echo out of luck >&2; exit 7'@${base + 1}`
  const args = ['--servers', '', '--base-port', String(base), '--scenarios', 'serial']
  const { stderr, code } = await run(t, ...args, '--peer', peer)
  assert.match(stderr, /^Cannot run broken: 7\n+out of luck\n$/)
  assert.equal(code, 1)
})

test('bench leaves no process behind when it is interrupted', { skip }, async (t) => {
  const base = await freePorts()
  const args = ['--servers', 'unbound', '--base-port', String(base), '--endurance', '900000000']
  const bench = start(t, ...args)
  const ended = once(bench, 'exit')
  for (let attempt = 0; processesOf(bench.pid).length < 2 && attempt < 2000; attempt++) {
    await sleep(5)
  }
  assert.ok(processesOf(bench.pid).length >= 2)
  bench.kill('SIGINT')
  await ended
  assert.equal(bench.exitCode, 130)
  for (let attempt = 0; processesOf(bench.pid).length > 0 && attempt < 1000; attempt++) {
    await sleep(5)
  }
  assert.deepEqual(processesOf(bench.pid), [])
  assert.ok(!existsSync(join(root, '.bench', String(bench.pid))))
})
