import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { libc } from '../../src/sys/libc.ts'
import { startProcess, waitUntil } from '../helpers/processes.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const libcFile = new URL('../../src/sys/libc.ts', import.meta.url).pathname
const child = new URL('exit-bound-child.ts', import.meta.url).pathname

describe('boundExit()', { skip, concurrency: true }, () => {
  for (const [kind, code] of [
    ['hangs', 14],
    ['ends', 0],
  ] as const) {
    test(`a process whose exit ${kind} is gone, with exit code ${code}`, async (t) => {
      const process = startProcess(t, globalThis.process.execPath, [child, kind])
      await waitUntil('the child ends', () => process.ended() !== null, undefined, 30)
      assert.deepEqual([process.ended(), process.output()], [code, ''])
    })
  }

  test('is for a process that bin/dnslet has started, from its first system call on', async (t) => {
    for (const [flags, count] of [
      [['--single-threaded-gc'], 1],
      [[], 0],
    ] as const) {
      const script = `(await import('${libcFile}')).libc(); console.log(process.listenerCount('exit'))`
      const args = [...flags, '--input-type=module', '-e', script]
      const process = startProcess(t, globalThis.process.execPath, args)
      await waitUntil('the child ends', () => process.ended() !== null, undefined, 30)
      assert.deepEqual([process.ended(), process.output()], [0, `${count}\n`])
    }
  })
})
