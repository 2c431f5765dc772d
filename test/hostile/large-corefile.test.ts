// A ConfigMap whose editor wants more than there is memory for.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dig } from '../helpers/dig.ts'
import { bin, startDnslet } from '../helpers/dnslet.ts'
import { startInOrderServer } from '../helpers/in-order-server.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { type Owner, waitUntil } from '../helpers/processes.ts'

const LIMIT = 200 * 2 ** 20

/** The heap that bin/dnslet chooses under the manifest's limit, with nothing of V8's coverage in it. */
function underTheLimit(owner: Owner): Readonly<Record<string, string>> {
  const folder = join(temporaryFolder(owner), 'cgroup')
  mkdirSync(folder)
  writeFileSync(join(folder, 'memory.max'), `${LIMIT}\n`)
  return { DNSLET_CGROUP: folder, NODE_V8_COVERAGE: '' }
}

function block(zone: string, port: number, upstream: number, capacity = 'success 9984'): string {
  return `${zone}:${port} {
    errors
    cache 30 {
        ${capacity}
    }
    bind 127.0.0.1
    forward . 127.0.0.1:${upstream} {
        force_tcp
    }
}
`
}

function residentBytes(pid: number): number {
  const [, kib = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) * 1024
}

test('1,000 stub domains serve and reload within the limit of the manifest; 5,000 are refused', async (t) => {
  const up = await startInOrderServer(t)
  const port = await freePort()
  const at = { address: '127.0.0.1', port }
  const text = (count: number, capacity?: string): string =>
    ['.', ...Array.from({ length: count }, (_, i) => `stub${i}.test`)]
      .map((zone) => block(zone, port, up.port, capacity))
      .join('')
  const { process: daemon, corefile } = await startDnslet(t, text(1000), {
    env: underTheLimit(t),
    args: ['-log-format', 'text'],
  })
  // A thousand blocks take seconds to start, on a busy machine many.
  const until = performance.now() + 120_000
  while ((await dig(at, 'a.stub999.test').catch(() => null))?.status !== 'NOERROR') {
    assert.ok(daemon.ended() === null && performance.now() < until, daemon.output().slice(-500))
    await sleep(200)
  }
  for (let i = 0; i < 1000; i += 37) {
    assert.equal((await dig(at, `www.stub${i}.test`)).status, 'NOERROR')
  }
  const used = residentBytes(daemon.pid)
  t.diagnostic(`${Math.round(used / 2 ** 20)} MiB resident`)
  assert.ok(used < 0.8 * LIMIT, `${used}`)

  // Every block changes, so that both configurations are whole. A third one has no room: nothing may be
  // left of the first when the second reload comes.
  for (const [i, capacity] of ['success 5000', 'success 6000'].entries()) {
    writeFileSync(corefile, text(1000, capacity))
    process.kill(daemon.pid, 'SIGUSR1')
    while (daemon.output().split('Reloading complete').length < i + 2) {
      assert.ok(daemon.ended() === null && performance.now() < until, daemon.output().slice(-500))
      await sleep(200)
    }
  }
  for (let i = 0; i < 1000; i += 37) {
    assert.equal((await dig(at, `again.stub${i}.test`)).status, 'NOERROR')
  }
  const reloaded = residentBytes(daemon.pid)
  t.diagnostic(`${Math.round(reloaded / 2 ** 20)} MiB resident after a reload`)
  assert.ok(reloaded < 0.8 * LIMIT, `${reloaded}`)

  const refused = [
    [5000, /Corefile:\d+ - Error during parsing: cannot hold 5001 server blocks: the memory limit/],
    [9000, /Corefile:1 - Error during parsing: more than \d+ tokens: the memory limit has no room/],
  ] as const
  for (const [count, error] of refused) {
    writeFileSync(corefile, text(count))
    process.kill(daemon.pid, 'SIGUSR1')
    while (!error.test(daemon.output())) {
      assert.ok(daemon.ended() === null && performance.now() < until, daemon.output().slice(-500))
      await sleep(200)
    }
  }
  assert.equal((await dig(at, 'later.stub999.test')).status, 'NOERROR')
})

test('capacities that no memory holds start with a warning, and come about by a reload', async (t) => {
  const up = await startInOrderServer(t)
  const port = await freePort()
  const at = { address: '127.0.0.1', port }
  const { process: daemon, corefile } = await startDnslet(t, block('.', port, up.port), {
    env: underTheLimit(t),
    ready: at,
    args: ['-log-format', 'text'],
  })
  const before = residentBytes(daemon.pid)
  for (const capacity of ['5000000', '999999999']) {
    writeFileSync(corefile, block('.', port, up.port, `success ${capacity}`))
    process.kill(daemon.pid, 'SIGUSR1')
    const warning = `Corefile:4 - '${capacity}' is more than there is memory for`
    await waitUntil('the warning', () => daemon.output().includes(warning), daemon)
    assert.equal((await dig(at, `with-${capacity}.test`)).status, 'NOERROR')
  }
  assert.ok(residentBytes(daemon.pid) - before < 32 * 2 ** 20)
})

test('check takes such a capacity, and warns', (t) => {
  const file = join(temporaryFolder(t), 'Corefile')
  writeFileSync(file, block('.', 5300, 53, 'success 999999999\n        denial 5000000'))
  const text = execFileSync('/bin/sh', ['-c', `"${bin}" check "${file}" 2>&1`], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  assert.match(text, /Corefile:4 - '999999999' is more than there is memory for/)
  assert.match(text, /Corefile:5 - '5000000' is more than there is memory for/)
  assert.match(text, /success 999999999 entries/)
})
