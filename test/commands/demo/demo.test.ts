import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'

import { requireTools } from '../../helpers/debian.ts'
import { dig } from '../../helpers/dig.ts'
import { freePort } from '../../helpers/ports.ts'
import { startProcess, waitUntil } from '../../helpers/processes.ts'

const run = promisify(execFile)
const bin = join(import.meta.dirname, '../../../bin/dnslet')

describe('dnslet demo', { skip: requireTools('dig') }, () => {
  test('every line it prints works, and it counts', async (t) => {
    const port = await freePort()
    const demo = startProcess(t, bin, ['demo', '-p', String(port)])
    await waitUntil('dnslet demo', () => demo.output().includes('Ctrl-C'), demo)

    const at = { address: '127.0.0.1', port }
    const lines = [...demo.output().matchAll(/^ {2}dig @127\.0\.0\.1 -p (\d+) (.*?) +# (.*)$/gm)]
    assert.ok(lines.length >= 8)
    for (const [line, printed, args = '', shows = ''] of lines) {
      assert.equal(Number(printed), port)
      const found = await dig(at, ...args.split(' '))
      assert.equal(found.status, shows.includes('NXDOMAIN') ? 'NXDOMAIN' : 'NOERROR', line)
      assert.equal(found.answer.length > 0, found.status === 'NOERROR', line)
    }
    const urls = [...demo.output().matchAll(/^ {2}curl (\S+)$/gm)].map(([, url = '']) => url)
    assert.equal(urls.length, 2)
    for (const url of urls) assert.equal((await fetch(url)).status, 200, url)
    const [, page = ''] = /^ {2}(http:\S+) +the status page/m.exec(demo.output()) ?? []
    assert.match(await (await fetch(page)).text(), /All is well/)
    const commands = [...demo.output().matchAll(/^ {2}bin\/dnslet (\w+) (.*--socket (\S+))$/gm)]
    assert.deepEqual(
      commands.map(([, command]) => command),
      ['top', 'explain'],
    )
    for (const [line, command = '', args = ''] of commands) {
      const flags = command === 'top' ? ['--once'] : []
      const { stdout } = await run(bin, [command, ...flags, ...args.split(' ')])
      assert.match(stdout, command === 'top' ? /Intercepts nothing/ : /hit: NOERROR/, line)
    }

    await demo.stop()
    assert.equal(demo.ended(), 0)
    assert.equal(existsSync(dirname(commands[0]![3]!)), false, 'its folder is gone')
    const [, queries, hits, misses] =
      /^queries (\d+) · hits (\d+) · misses (\d+) · mean latency [\d.]+ ms$/m.exec(
        demo.output().slice(demo.output().lastIndexOf('queries')),
      ) ?? []
    assert.equal(Number(queries), lines.length)
    assert.equal(Number(hits), 1, 'the headless Service over TCP was asked for over UDP before')
    assert.equal(Number(misses), lines.length - 1)
  })

  test('a port that is taken ends it with a line that names it', async (t) => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.after(() => void server.close())
    const { port } = server.address() as AddressInfo
    const demo = startProcess(t, bin, ['demo', '-p', String(port)])
    await waitUntil('dnslet demo to end', () => demo.ended() !== null)
    assert.equal(demo.ended(), 1)
    assert.match(demo.output(), new RegExp(`^.*127\\.0\\.0\\.1:${port}.*in use.*\\n$`))
  })
})
