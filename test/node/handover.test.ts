import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Handover } from '../../src/node/handover.ts'
import { libc } from '../../src/sys/libc.ts'
import { nullLog } from '../helpers/null-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

describe('Handover.open()', { skip: libc().libc === null && 'needs koffi' }, () => {
  test('finds no predecessor in a fresh directory', async (t) => {
    const handover = Handover.open(temporaryFolder(t), nullLog)
    await handover!.ask()
    assert.equal(handover!.inherited, null)
  })

  test('is off without a state directory', () => {
    assert.equal(Handover.open(null, nullLog), null)
  })
})
