import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { type Libc, libc } from '../../src/sys/libc.ts'
import { HEIR_NAME, startMemoryHeir } from '../../src/sys/memory-heir.ts'
import { type Running, startProcess, waitUntil } from '../helpers/processes.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const library = loaded.libc as Libc
const child = fileURLToPath(new URL('memory-heir-child.ts', import.meta.url))

async function start(t: TestContext, ...args: string[]): Promise<{ owner: Running; heir: string }> {
  const owner = startProcess(t, process.execPath, [child, ...args])
  await waitUntil('the heir', () => owner.output().includes('heir'), owner)
  const [, pid = ''] = /heir (\d+)/.exec(owner.output()) ?? []
  return { owner, heir: `/proc/${pid}` }
}

/** A line of /proc/PID/status. */
function status(heir: string, field: string): string {
  const text = readFileSync(join(heir, 'status'), 'utf8')
  return new RegExp(String.raw`^${field}:\s+(.*)$`, 'm').exec(text)?.[1] ?? ''
}

/** Whether it has ended, though its new parent may be slow to take note. */
function isOver(heir: string): boolean {
  try {
    return status(heir, 'State') === 'Z (zombie)'
  } catch {
    return true
  }
}

describe('startMemoryHeir()', { skip }, () => {
  test('starts a process of our memory that holds nothing and hears nothing', async (t) => {
    const { owner, heir } = await start(t)
    await waitUntil('the heir to sleep', () => status(heir, 'State') === 'S (sleeping)')
    assert.equal(status(heir, 'Name'), HEIR_NAME)
    assert.equal(status(heir, 'PPid'), String(owner.pid))
    assert.equal(status(heir, 'Threads'), '1')
    const maps = (of: string): string => readFileSync(join(of, 'maps'), 'utf8')
    await waitUntil('the same memory', () => maps(heir) === maps(`/proc/${owner.pid}`))
    // Left open: the descriptor that tells of our end.
    assert.equal(readdirSync(join(heir, 'fd')).length, 1)
    process.kill(Number(heir.slice('/proc/'.length)), 'SIGUSR2')
    process.kill(owner.pid, 'SIGUSR2')
    await waitUntil('the signal', () => owner.output().includes('got SIGUSR2'), owner)
    assert.equal(owner.output().match(/got SIGUSR2/g)?.length, 1)
    assert.ok(!isOver(heir))
  })

  test('it ends with its owner, killed or not', async (t) => {
    const killed = await start(t)
    process.kill(killed.owner.pid, 'SIGKILL')
    await waitUntil('the heir to end', () => isOver(killed.heir))
    const { owner, heir } = await start(t, 'exit')
    await waitUntil('the owner to end', () => owner.ended() !== null)
    assert.equal(owner.ended(), 0)
    await waitUntil('the heir to end', () => isOver(heir))
  })

  test('its owner goes on without it', async (t) => {
    const { owner, heir } = await start(t)
    process.kill(Number(heir.slice('/proc/'.length)), 'SIGKILL')
    await waitUntil('the heir to end', () => isOver(heir))
    process.kill(owner.pid, 'SIGUSR2')
    await waitUntil('the signal', () => owner.output().includes('got SIGUSR2'), owner)
  })

  test('says that there is no memory', () => {
    assert.equal(library.map(2 ** 52), null)
    const failing = { ...library, map: () => library.map(2 ** 52) }
    assert.throws(() => startMemoryHeir(failing), { code: 'ENOMEM' })
  })

  for (const call of ['syscall', 'mprotect', 'clone'] as const) {
    test(`says that ${call} failed, and leaves nothing open`, () => {
      const before = readdirSync('/proc/self/fd').length
      const failing = { ...library, [call]: () => -1, errno: () => 1 }
      assert.throws(() => startMemoryHeir(failing), { code: 'EPERM' })
      assert.equal(readdirSync('/proc/self/fd').length, before)
    })
  }
})
