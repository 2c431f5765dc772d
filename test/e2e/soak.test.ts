// The soak as the gate can afford it: thirty seconds, in which everything happens that does in half an hour. Its
// figures are for people; what is asserted is what was answered.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test, { type TestContext } from 'node:test'

import type { SoakResult } from '../../bench/soak/result.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { waitUntil } from '../helpers/processes.ts'

const root = join(import.meta.dirname, '../..')

interface Soak {
  readonly child: ChildProcess
  /** What it said so far on standard error. */
  said(): string
  /** Its standard output, once it has ended. */
  readonly printed: Promise<string>
}

async function start(t: TestContext, ...args: readonly string[]): Promise<Soak> {
  // Nobody else is expected on the next twenty ports, which belong to 127.0.0.0/8 alone.
  const base = ['--base-port', String(await freePort('127.0.0.1'))]
  const all = ['bench/soak/main.ts', '--servers', 'dnslet', ...base, ...args]
  const child = spawn(process.execPath, all, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  return { child, said: () => said, printed: text(child.stdout) }
}

/** What a soak started and has not ended: its children, and namespaces by its number in their names. */
function leftBehind({ child }: Soak): string[] {
  const mark = `model-${child.pid}-`
  const namespaces = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout ?? ''
  const processes = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return (
        readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] ===
        String(child.pid)
      )
    } catch {
      return false
    }
  })
  return [...processes, ...namespaces.split('\n').filter((name) => name.startsWith(mark))]
}

/** A machine that is busy takes its time. */
async function untilStarted(soak: Soak): Promise<void> {
  const hasStarted = (): boolean => {
    assert.equal(soak.child.exitCode, null, soak.said())
    return soak.said().includes('dnslet answers')
  }
  await waitUntil('its start', hasStarted, undefined, 60)
}

async function exitCodeOf({ child }: Soak): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

test('thirty seconds of a node, with reloads and restarts: every query is answered rightly', async (t) => {
  const json = join(temporaryFolder(t), 'result.json')
  const events = ['--reload-every', '8', '--restart-every', '8']
  const soak = await start(t, '--seconds', '30', '--rate', '500', ...events, '--json', json)
  const printed = await soak.printed
  t.diagnostic(printed)
  assert.notEqual(printed, '', soak.said())
  const { servers } = JSON.parse(readFileSync(json, 'utf8')) as SoakResult
  const [dnslet] = servers
  assert.ok(dnslet !== undefined)
  const { client, reloads, restarts, upstream } = dnslet
  assert.deepEqual(client.failures, [])
  assert.ok(client.total.sent > 5_000)
  assert.equal(client.total.answered, client.total.sent)
  assert.deepEqual(reloads, { written: 2, loaded: 2 })
  assert.equal(restarts, 3)
  assert.equal(client.metrics?.panics, 0)
  assert.equal(client.metrics?.waiting, 0)
  assert.ok(upstream.tcp > 0)
  assert.equal(await exitCodeOf(soak), 0)
})

const node = requireNodeModel()

test('Ctrl-C ends it with what there is so far, and leaves nothing behind', async (t) => {
  const soak = await start(t, '--rate', '100', ...(node === false ? [] : ['--loopback']))
  await untilStarted(soak)
  const running = leftBehind(soak)
  assert.ok(running.length >= 6, running.join(' '))
  soak.child.kill('SIGINT')
  assert.match(await soak.printed, /^Soak of \d+ seconds \(interrupted\), 100 queries\/s/)
  assert.equal(await exitCodeOf(soak), 130)
  assert.deepEqual(leftBehind(soak), [])
})

test('where a program of it dies it ends with status 1, says which, and leaves nothing behind', async (t) => {
  const soak = await start(t, '--rate', '100', '--loopback')
  await untilStarted(soak)
  const victim = leftBehind(soak).find((pid) => {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('dist/main.js')
  })
  process.kill(Number(victim), 'SIGKILL')
  await soak.printed
  assert.equal(await exitCodeOf(soak), 1)
  assert.match(soak.said(), /^Cannot go on: dnslet ended with SIGKILL$/m)
  assert.deepEqual(leftBehind(soak), [])
})
