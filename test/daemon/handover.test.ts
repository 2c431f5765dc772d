import assert from 'node:assert/strict'
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { Handover } from '../../src/daemon/handover.ts'
import type { Log } from '../../src/lib/log.ts'
import { libc } from '../../src/sys/libc.ts'
import { nullLog } from '../helpers/null-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

function open(directory: string): { readonly handover: Handover | null; readonly lines: string[] } {
  const lines: string[] = []
  const log: Log = { ...nullLog, warning: (line) => void lines.push(line) }
  return { handover: Handover.open({ DNSLET_STATE_DIR: directory }, log), lines }
}

describe('Handover.open()', { skip: libc().libc === null && 'needs koffi' }, () => {
  test('makes the directory it is told of', async (t) => {
    const directory = join(temporaryFolder(t), 'state')
    const { handover, lines } = open(directory)
    assert.ok(existsSync(directory))
    assert.deepEqual(lines, [])
    await handover!.ask()
    assert.equal(handover!.inherited, null)
  })

  test('is off where the variable is set to nothing', () => {
    assert.deepEqual(open(''), { handover: null, lines: [] })
  })

  test('says why it goes on without a directory that was asked for', (t) => {
    const folder = temporaryFolder(t)
    const absent = open(join(folder, 'a', 'b'))
    assert.equal(absent.handover, null)
    assert.match(absent.lines[0]!, /does not exist and cannot be made/)
    chmodSync(folder, 0o777)
    const unsafe = open(folder)
    assert.equal(unsafe.handover, null)
    assert.match(unsafe.lines[0]!, /others may use it/)
  })
})
