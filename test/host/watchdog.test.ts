import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { startWatchdog } from '../../src/host/watchdog.ts'
import { Beat } from '../../src/lib/beat.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { findTool } from '../helpers/debian.ts'
import { type Owner, startProcess, waitUntil } from '../helpers/processes.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const child = new URL('watchdog-child.ts', import.meta.url).pathname

/** How a child ended, and what it said. */
async function outcome(owner: Owner, command: string, args: string[]): Promise<unknown[]> {
  const process = startProcess(owner, command, args)
  await waitUntil('the child ends', () => process.ended() !== null, undefined, 20)
  return [process.ended(), process.output()]
}

describe('startWatchdog()', { skip, concurrency: true }, () => {
  const { execPath } = process

  test('ends a process that hangs', async (t) => {
    assert.deepEqual(await outcome(t, execPath, [child, 'hangs']), [14, ''])
  })

  const may = process.getuid?.() === 0 && findTool('unshare') !== null
  test(
    'ends it as process 1 of a container, too',
    { skip: may ? false : 'needs root' },
    async (t) => {
      const args = ['--pid', '--fork', '--kill-child', execPath, child, 'hangs']
      assert.deepEqual(await outcome(t, 'unshare', args), [14, ''])
    },
  )

  test('spares a process whose event loop turns', async (t) => {
    assert.deepEqual(await outcome(t, execPath, [child, 'works']), [0, 'alive\n'])
  })

  test('spares one that hangs after stop()', async (t) => {
    assert.deepEqual(await outcome(t, execPath, [child, 'stops']), [0, 'alive\n'])
  })
})

test('startWatchdog() gives five seconds, again each second', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const calls: string[] = []
  const fake = {
    exitOnSignal: (signal: number) => calls.push(`exit on ${signal}`),
    alarm: (seconds: number) => calls.push(`alarm ${seconds}`),
  } as unknown as Libc
  const watchdog = startWatchdog(fake, new Beat())
  t.mock.timers.tick(2000)
  watchdog.stop()
  t.mock.timers.tick(2000)
  assert.deepEqual(calls, ['exit on 14', 'alarm 5', 'alarm 5', 'alarm 5', 'alarm 0'])
})
