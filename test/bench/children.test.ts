import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { Children, type Command, hasEnded } from '../../bench/children.ts'

/** Short, so that a process that ignores SIGTERM does not hold the test up. */
const GRACE_MS = 50

function setUp(t: TestContext): { children: Children; command: (script: string) => Command } {
  const dir = mkdtempSync(join(tmpdir(), 'dnslet-bench-'))
  const children = new Children(GRACE_MS)
  t.after(() => {
    children.killAll()
    rmSync(dir, { recursive: true })
  })
  const command = (script: string): Command => ({
    name: 'script',
    argv: ['sh', '-c', script],
    env: { GREETING: 'hello' },
    cpu: 0,
    stdout: join(dir, 'out'),
    stderr: join(dir, 'err'),
  })
  return { children, command }
}

async function read(path: string, pattern: RegExp): Promise<string> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const found = pattern.exec(readFileSync(path, 'utf8'))
    if (found !== null) return found.at(1) ?? ''
    await sleep(5)
  }
  throw new Error(`Cannot find ${String(pattern)} in ${path}`)
}

/** A zombie nobody has reaped yet is no longer running. */
function isRunning(pid: string): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

test('start() binds the process to its core and passes its environment on', async (t) => {
  const { children, command } = setUp(t)
  const wanted = command('echo "<$GREETING $(taskset -pc $$)>"; exec sleep 60')
  const child = children.start(wanted)
  const said = await read(wanted.stdout, /<(.*)>/s)
  assert.match(said, /^hello pid (\d+)\D+ 0$/)
  assert.ok(said.includes(String(child.pid)))
})

test('run() resolves when the process succeeds', async (t) => {
  const { children, command } = setUp(t)
  const wanted = command('echo done')
  await children.run(wanted)
  assert.equal(readFileSync(wanted.stdout, 'utf8'), 'done\n')
})

test('run() tells how a process failed and what it said', async (t) => {
  const { children, command } = setUp(t)
  await assert.rejects(
    children.run(command('echo no such file >&2; exit 3')),
    /^Error: Cannot run script: 3\n+no such file$/,
  )
})

test('run() names a program that does not exist', async (t) => {
  const { children, command } = setUp(t)
  const wanted = { ...command(''), argv: ['/nowhere/server'] }
  await assert.rejects(children.run(wanted), /failed to execute \/nowhere\/server/)
})

test('stop() ends a process by SIGTERM, and the workers it leaves behind', async (t) => {
  const { children, command } = setUp(t)
  const wanted = command('sleep 60 & echo "<$!>"; exec sleep 60')
  const child = children.start(wanted)
  const worker = await read(wanted.stdout, /<(.*)>/)
  await children.stop(child)
  assert.equal(child.process.signalCode, 'SIGTERM')
  for (let attempt = 0; isRunning(worker) && attempt < 1000; attempt++) await sleep(5)
  assert.ok(!isRunning(worker))
  await children.stop(child)
})

test('stopAll() kills a process that ignores SIGTERM', async (t) => {
  const { children, command } = setUp(t)
  const wanted = command(`trap '' TERM; echo '<x>'; while :; do sleep 1; done`)
  const child = children.start(wanted)
  await read(wanted.stdout, /<(.*)>/)
  await children.stopAll()
  assert.equal(child.process.signalCode, 'SIGKILL')
  assert.ok(hasEnded(child))
})
