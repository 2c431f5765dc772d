import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs, { readdirSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { SocketFile } from '../../src/lib/socket-file.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

async function listen(t: TestContext, path: string, name: string): Promise<SocketFile> {
  const server = createServer((socket) => socket.end(name))
  t.after(() => server.close())
  return await SocketFile.listen(server, path)
}

async function whoAnswers(path: string): Promise<string> {
  const socket = connect(path)
  const [said] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return said.toString()
}

test('removes its own file, and none that took its place', async (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'socket')
  const old = await listen(t, path, 'old')
  const young = await listen(t, path, 'young')
  old.remove()
  assert.equal(await whoAnswers(path), 'young')
  young.remove()
  assert.deepEqual(readdirSync(folder), [])
  young.remove()
})

test('puts one back that takes its place while it looks', async (t) => {
  const folder = temporaryFolder(t)
  const [path, coming] = [join(folder, 'socket'), join(folder, 'coming')]
  const old = await listen(t, path, 'old')
  await listen(t, coming, 'young')
  whileItLooks(t, () => fs.renameSync(coming, path))
  old.remove()
  assert.deepEqual(readdirSync(folder), ['socket'])
  assert.equal(await whoAnswers(path), 'young')
})

test('leaves it at that where somebody removes it meanwhile', async (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'socket')
  const old = await listen(t, path, 'old')
  whileItLooks(t, () => rmSync(path))
  old.remove()
  assert.deepEqual(readdirSync(folder), [])
})

/** Does something once somebody has looked at a file. */
function whileItLooks(t: TestContext, act: () => void): void {
  const look = fs.statSync
  const mocked = t.mock.method(fs, 'statSync', (path: string, options: fs.StatSyncOptions) => {
    const seen = look(path, options)
    mocked.mock.restore()
    syncBuiltinESMExports()
    act()
    return seen
  })
  syncBuiltinESMExports()
}
