// The built daemon as operators ask it: every command of docs/admin.md, and `dnslet explain`.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { Explanation, Status } from '../../src/admin/api.ts'
import { findTool } from '../helpers/debian.ts'
import { bin, type Dnslet, startDnslet } from '../helpers/dnslet.ts'
import { freePort } from '../helpers/ports.ts'
import { waitUntil } from '../helpers/processes.ts'
import { startSmallDns } from '../admin/harness.ts'

const skip = findTool('curl') === null && 'needs curl'
const page = readFileSync(join(import.meta.dirname, '../../docs/admin.md'), 'utf8')

interface Ran {
  readonly code: number
  readonly output: string
  readonly errors: string
}

describe('an operator', { skip }, () => {
  test('runs every command of docs/admin.md, and explain says what there is to say', async (t) => {
    const upstream = await startSmallDns(t)
    const [port, metrics] = [await freePort(), await freePort()]
    const corefile = `cluster.local:${port} ready.test:${port} {
      bind 127.0.0.1
      cache
      forward . 127.0.0.1:${upstream.port}
    }
`
    const args = ['-metrics-listen-address', `127.0.0.1:${metrics}`, '-adminhttp']
    const start = (more: object = {}): Promise<Dnslet> =>
      startDnslet(t, corefile, { ready: { address: '127.0.0.1', port }, args, ...more })
    const daemon = await start()
    const state = join(daemon.folder, 'state')
    const run = (command: string): Promise<Ran> =>
      new Promise((resolve) => {
        const env = { ...process.env, DNSLET_STATE_DIR: state }
        execFile('sh', ['-c', command], { env, timeout: 30_000 }, (error, output, errors) => {
          resolve({ code: Number(error?.code ?? 0), output, errors })
        })
      })
    await waitUntil(
      'the socket',
      async () => (await run(`${bin} explain cluster.local`)).code === 0,
    )
    await run(`${bin} explain -ask kubernetes.default.svc.cluster.local`)
    const commands = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, text = '']) =>
      text.trim().split('\n'),
    )
    assert.ok(commands.length >= 9)
    for (const command of commands) {
      const here = command
        .replaceAll('/run/dnslet/', `${state}/`)
        .replaceAll(':9353/', `:${metrics}/`)
        .replace(/^dnslet /, `${bin} `)
      const { code, errors, output } = await run(here)
      assert.deepEqual([code, errors], [0, ''], command)
      if (here.startsWith('curl') && !here.endsWith('dump')) {
        assert.equal((JSON.parse(output) as { error?: string }).error, undefined, command)
      }
      assert.ok(output.length > 0, command)
    }
    const { output: html } = await run(`curl -s http://127.0.0.1:${metrics}/`)
    assert.match(html, new RegExp(`<p>Queries to 127\\.0\\.0\\.1:${port} are answered[:;]`))
    assert.match(html, /<td [^>]*data-label="Plugins"[^>]*><div>bind → cache → forward<\/div>/)
    const { output } = await run(`${bin} explain -json -ask b.cluster.local`)
    const { asked } = JSON.parse(output) as Explanation
    assert.deepEqual([asked!.rcode, asked!.plugin], ['NOERROR', 'forward'])
    const refused = await run(`${bin} explain nobody.test`)
    assert.equal(refused.code, 1)
    assert.match(refused.output, /now +REFUSED: no server block serves this name/)
    const wrong = await run(`${bin} explain a.test NOPE`)
    assert.equal(wrong.code, 1)
    assert.match(wrong.errors, /^The daemon refuses: "NOPE" is no type of records[^\n]*\n$/)
    const nobody = await run(`DNSLET_STATE_DIR=${daemon.folder} ${bin} explain a.test`)
    assert.equal(nobody.code, 1)
    assert.match(nobody.errors, /^No running dnslet found: [^\n]*\n$/)
    // A successor takes the name over.
    const successor = await start({ conf: daemon.corefile, env: { DNSLET_STATE_DIR: state } })
    const status = `curl -s --unix-socket ${state}/*/admin.sock http://dnslet/v1/status`
    await waitUntil('the successor answers', async () => {
      const { output: text } = await run(status)
      return text !== '' && (JSON.parse(text) as Status).pid === successor.process.pid
    })
    await waitUntil('the predecessor has ended', () => daemon.process.ended() !== null)
    assert.equal((JSON.parse((await run(status)).output) as Status).pid, successor.process.pid)
  })
})
