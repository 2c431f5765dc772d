import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { RunningDaemon } from '../../src/host/handover/offer.ts'
import { Handover } from '../../src/node/handover.ts'
import { libc } from '../../src/sys/libc.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { nullLog } from '../helpers/null-log.ts'

describe('Handover.ask()', { skip: libc().libc === null && 'needs koffi' }, () => {
  test('finds no predecessor in a fresh directory', async (t) => {
    const { predecessor, runsBeside } = await Handover.ask(temporaryFolder(t), nullLog)
    assert.deepEqual([predecessor, runsBeside], [null, false])
  })

  test('offers nothing without a state directory', async () => {
    const handover = await Handover.ask(null, nullLog)
    assert.equal(handover.predecessor, null)
    // A daemon that must not be asked for anything.
    await handover.offer({} as RunningDaemon)
    await handover.stop()
  })

  test('makes one offer, however often it is told to, and none once it is over', async (t) => {
    const directory = temporaryFolder(t)
    const handover = await Handover.ask(directory, nullLog)
    const daemon = {} as RunningDaemon
    await Promise.all([handover.offer(daemon), handover.offer(daemon)])
    assert.deepEqual(readdirSync(directory), ['handover.sock'])
    await handover.stop()
    await handover.offer(daemon)
    assert.deepEqual(readdirSync(directory), [])
  })

  test('offers again where it could not', async (t) => {
    const directory = join(temporaryFolder(t), 'state')
    const log = new LinesLog()
    const handover = await Handover.ask(directory, log)
    await handover.offer({} as RunningDaemon)
    assert.match(log.lines.join(), /^\[WARNING\] Cannot offer a hand-over in /)
    mkdirSync(directory)
    await handover.offer({} as RunningDaemon)
    assert.deepEqual(readdirSync(directory), ['handover.sock'])
    await handover.stop()
  })
})
