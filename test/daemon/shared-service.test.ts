import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'

import { SharedService } from '../../src/daemon/shared-service.ts'
import { Holds } from '../../src/lib/holds.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import type { Owner } from '../helpers/processes.ts'

const LISTEN = `const server = require('node:net').createServer()
server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log(server.address().port))`

/** Another process that listens; how to end it. */
async function other(owner: Owner, at = 0): Promise<{ port: number; end: () => Promise<unknown> }> {
  const child = spawn(process.execPath, ['-e', LISTEN, String(at)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const end = (): Promise<unknown> => {
    child.kill('SIGKILL')
    return exited
  }
  owner.after(() => void end())
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(line.toString()), end }
}

test('sockets are shared for a minute, and as long as the other one listens', async (t) => {
  const { port, end } = await other(t)
  t.mock.timers.enable({ apis: ['setInterval'] })
  const readiness = new Holds()
  const daemon = { sharesSockets: false, readiness, addresses: [{ host: '127.0.0.1', port }] }
  let alone = 0
  const log = new LinesLog()
  const shared = new SharedService(daemon, log, () => void alone++)
  shared.begin(true)
  assert.equal(daemon.sharesSockets, true)
  assert.deepEqual(readiness.reasons, ['A dnslet of another version starts'])
  assert.equal(shared.lasts(), true)
  t.mock.timers.tick(600_000)
  assert.equal(daemon.sharesSockets, true, 'the other one is there')
  await end()
  assert.equal(shared.lasts(), false, 'gone')
  t.mock.timers.tick(5_000)
  assert.equal(daemon.sharesSockets, false)
  assert.deepEqual([readiness.reasons, alone], [[], 1])
  shared.begin(false)
  assert.deepEqual(readiness.reasons, [], 'the newer one is as ready as it is')
  t.mock.timers.tick(60_000)
  assert.equal(daemon.sharesSockets, true, 'it may be starting')
  t.mock.timers.tick(5_000)
  assert.equal(daemon.sharesSockets, false)
})

test('others that come and go are noticed, each time', async (t) => {
  const first = await other(t)
  t.mock.timers.enable({ apis: ['setInterval'] })
  const readiness = new Holds()
  const at = { host: '127.0.0.1', port: first.port }
  const daemon = { sharesSockets: false, readiness, addresses: [at] }
  const log = new LinesLog()
  let alone = 0
  const shared = new SharedService(daemon, log, () => void alone++)
  shared.follow()
  t.mock.timers.tick(5_000)
  assert.equal(daemon.sharesSockets, true)
  assert.deepEqual(readiness.reasons, [], 'it is as ready as before')
  t.mock.timers.tick(600_000)
  await first.end()
  assert.equal(shared.lasts(), false)
  assert.deepEqual([daemon.sharesSockets, alone], [false, 1])
  t.mock.timers.tick(5_000)
  assert.equal(alone, 1)
  const second = await other(t, first.port)
  // A check that somebody else answered has it looked at once.
  assert.equal(shared.look(), true)
  assert.equal(daemon.sharesSockets, true)
  await second.end()
  t.mock.timers.tick(5_000)
  assert.deepEqual([daemon.sharesSockets, alone], [false, 2])
  assert.deepEqual(log.lines, [
    '[INFO] Another process serves 127.0.0.1 as well: each gets a part of the queries',
    '[INFO] No other process serves these addresses any more',
    '[INFO] Another process serves 127.0.0.1 as well: each gets a part of the queries',
    '[INFO] No other process serves these addresses any more',
  ])
})
