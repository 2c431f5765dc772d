// A new Corefile comes into force without a lost query; a bad one never does.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { findTool, requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { type Dnslet, startDnslet } from '../helpers/dnslet.ts'
import { startKubeDns } from '../helpers/kube-dns.ts'
import { startNsd } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { waitUntil } from '../helpers/processes.ts'

const zone = (address: string): string =>
  `@ 60 IN SOA ns hostmaster 1 7200 1800 86400 5\n@ 60 IN NS ns\nns 60 IN A ${address}\n`

async function reloaded({ process: daemon }: Dnslet, word: string): Promise<void> {
  process.kill(daemon.pid, 'SIGUSR1')
  await waitUntil(`"${word}"`, () => daemon.output().includes(word), daemon)
}

describe('reload', { skip: requireTools('nsd', 'dig', 'dnsperf') }, () => {
  test('a changed upstream is asked from then on; no query is lost meanwhile', async (t) => {
    const one = await startKubeDns(t, { 'test.': zone('192.0.2.1') })
    const two = await startKubeDns(t, { 'test.': zone('192.0.2.2') })
    const port = await freePort()
    const at = { address: '127.0.0.1', port }
    const corefile = (upstream: number): string =>
      `.:${port} {\n  bind 127.0.0.1\n  cache 30\n  forward . 127.0.0.1:${upstream} {\n    force_tcp\n  }\n}\n`
    const dnslet = await startDnslet(t, corefile(one.port), { ready: { ...at, name: 'ns.test' } })
    assert.equal((await dig(at, 'ns.test')).answer[0]!.data, '192.0.2.1')

    const names = join(dnslet.folder, 'names')
    writeFileSync(names, 'ns.test. A\ntest. SOA\n')
    const load = spawn(
      findTool('dnsperf')!,
      ['-s', '127.0.0.1', '-p', String(port), '-d', names, '-l', '2', '-Q', '2000', '-q', '50'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let report = ''
    load.stdout.on('data', (chunk: Buffer) => (report += chunk.toString()))
    const finished = once(load, 'exit')
    writeFileSync(dnslet.corefile, corefile(two.port))
    await reloaded(dnslet, 'Reloading complete')
    assert.equal((await dig(at, 'ns.test')).answer[0]!.data, '192.0.2.2', 'no stale cache either')
    await finished
    assert.match(report, /Queries lost:\s+0 /)
    assert.match(report, /Response codes:\s+NOERROR \d+ \(100\.00%\)/)
  })

  test('a bad Corefile is refused with file and line, and the old one goes on', async (t) => {
    const nsd = await startNsd(t, { 'test.': zone('192.0.2.1') })
    const port = await freePort()
    const at = { address: '127.0.0.1', port }
    const good = `.:${port} {\n  bind 127.0.0.1\n  forward . 127.0.0.1:${nsd.port}\n}\n`
    const dnslet = await startDnslet(t, good, { ready: { ...at, name: 'ns.test' } })
    writeFileSync(dnslet.corefile, good.replace('bind', 'bnid'))
    await reloaded(dnslet, 'Restart failed')
    assert.match(
      dnslet.process.output(),
      /Corefile:2 - Error during parsing: Unknown directive 'bnid'/,
    )
    // A block whose address cannot be had leaves nothing behind either.
    writeFileSync(
      dnslet.corefile,
      `${good}\nother.test:${port + 1} {\n  bind 192.0.2.9\n  cache\n}\n`,
    )
    await reloaded(dnslet, '192.0.2.9')
    assert.equal((await dig(at, 'ns.test')).answer[0]!.data, '192.0.2.1')
  })

  test('a loop found on reload leaves the old configuration in force', async (t) => {
    const nsd = await startNsd(t, { 'test.': zone('192.0.2.1') })
    const port = await freePort()
    const at = { address: '127.0.0.1', port }
    const corefile = (upstream: number): string =>
      `.:${port} {\n  bind 127.0.0.1\n  loop\n  forward . 127.0.0.1:${upstream}\n}\n`
    const dnslet = await startDnslet(t, corefile(nsd.port), { ready: { ...at, name: 'ns.test' } })
    writeFileSync(dnslet.corefile, corefile(port))
    await reloaded(dnslet, 'Restart failed')
    assert.match(dnslet.process.output(), /Loop \(.*\) detected for zone/)
    assert.equal((await dig(at, 'ns.test')).answer[0]!.data, '192.0.2.1')
  })

  test('a loop found at the first start ends the daemon', async (t) => {
    const port = await freePort()
    const { process: daemon } = await startDnslet(
      t,
      `.:${port} {\n  bind 127.0.0.1\n  loop\n  forward . 127.0.0.1:${port}\n}\n`,
    )
    await waitUntil('the end of dnslet', () => daemon.ended() !== null)
    assert.equal(daemon.ended(), 1)
    assert.match(daemon.output(), /Loop \(.*\) detected for zone \\?"\.\\?", see/)
  })
})
