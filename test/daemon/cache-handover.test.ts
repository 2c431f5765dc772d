import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importKept } from '../../src/daemon/cache-handover.ts'
import { KeptStates } from '../../src/daemon/kept-states.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

test('a cache that does not arrive whole is said, and keeps nobody from serving', async () => {
  const parts = { clock: new ManualClock(7), log: new LinesLog() }
  await importKept(new KeptStates(), parts, async (push) => {
    push(Buffer.from('dnsletC\x01'))
  })
  await importKept(new KeptStates(), parts, () => Promise.reject(new Error('it is gone')))
  await importKept(new KeptStates(), parts, () => Promise.resolve())
  assert.deepEqual(parts.log.lines, [
    '[WARNING] Starting with an empty cache: Cannot read the cache that was handed over: its format is another one',
    '[WARNING] Starting with an empty cache: it is gone',
    '[WARNING] Starting with an empty cache: Cannot read the cache that was handed over: it is cut off',
  ])
})
