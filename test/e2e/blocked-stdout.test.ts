// A log that nobody reads must not make DNS late: standard output is a pipe that stays full.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { findTool, requireTools } from '../helpers/debian.ts'
import { startNsd, temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { answers } from '../helpers/probe.ts'
import { waitUntil } from '../helpers/processes.ts'

const SECONDS = 10
const zone = '@ 60 IN SOA ns hostmaster 1 7200 1800 86400 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n'

describe('a blocked standard output', { skip: requireTools('nsd', 'dnsperf') }, () => {
  test('ten seconds under load with every query logged: none is lost or late', async (t) => {
    const nsd = await startNsd(t, { 'test.': zone })
    const port = await freePort()
    const metrics = await freePort()
    const folder = temporaryFolder(t)
    const corefile = join(folder, 'Corefile')
    writeFileSync(
      corefile,
      `.:${port} {
  bind 127.0.0.1
  log
  errors
  cache 30
  prometheus 127.0.0.1:${metrics}
  forward . 127.0.0.1:${nsd.port}
}
`,
    )
    const bin = join(import.meta.dirname, '../../bin/dnslet')
    const daemon = spawn(bin, ['-conf', corefile, '-metrics-listen-address', '127.0.0.1:0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, DNSLET_STATE_DIR: '' },
    })
    t.after(() => void daemon.kill('SIGKILL'))
    // Nobody reads: the pipe's 64 KiB are full after some 500 lines.
    daemon.stdout.pause()
    await waitUntil('dnslet', () => answers('127.0.0.1', port, 'ns.test'))

    const names = join(folder, 'names')
    writeFileSync(names, 'ns.test. A\n')
    const load = spawn(
      findTool('dnsperf')!,
      ['-s', '127.0.0.1', '-p', String(port), '-d', names, '-l', String(SECONDS), '-Q', '5000'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let report = ''
    load.stdout.on('data', (chunk: Buffer) => (report += chunk.toString()))
    await once(load, 'exit')
    assert.match(report, /Queries lost:\s+0 /)
    const slowest = Number(/max ([\d.]+)/.exec(report)![1])
    assert.ok(slowest < 1, `the slowest took ${slowest} s`)
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
    const dropped = Number(/^dnslet_log_dropped_lines_total (\d+)$/m.exec(text)![1])
    assert.ok(dropped > 10_000, `${dropped} lines dropped`)
  })
})
