import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'

import { SharedService } from '../../src/daemon/shared-service.ts'
import type { Owner } from '../helpers/processes.ts'

const LISTEN = `const server = require('node:net').createServer().listen(0, '127.0.0.1', () => {
  console.log(server.address().port)
})`

/** Another process that listens; how to end it. */
async function other(owner: Owner): Promise<{ port: number; end: () => Promise<unknown> }> {
  const child = spawn(process.execPath, ['-e', LISTEN], { stdio: ['ignore', 'pipe', 'inherit'] })
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
  const daemon = { sharesSockets: false, addresses: [{ host: '127.0.0.1', port }] }
  const shared = new SharedService(daemon)
  assert.equal(shared.lasts(), false, 'not begun')
  shared.begin()
  assert.equal(daemon.sharesSockets, true)
  assert.equal(shared.lasts(), true)
  t.mock.timers.tick(600_000)
  assert.equal(daemon.sharesSockets, true, 'the other one is there')
  await end()
  assert.equal(shared.lasts(), false, 'gone')
  t.mock.timers.tick(5_000)
  assert.equal(daemon.sharesSockets, false)
  shared.begin()
  t.mock.timers.tick(60_000)
  assert.equal(daemon.sharesSockets, true, 'it may be starting')
  t.mock.timers.tick(5_000)
  assert.equal(daemon.sharesSockets, false)
})
