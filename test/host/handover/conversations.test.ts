import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel } from '../../../src/host/handover/channel.ts'
import { Conversations, MAX_CONVERSATIONS } from '../../../src/host/handover/conversations.ts'
import { LinesLog } from '../../helpers/lines-log.ts'

/** A connection that only knows whether it is closed. */
class Connection {
  isClosed = false

  close(): void {
    this.isClosed = true
  }
}

function channel(): Channel & Connection {
  return new Connection() as unknown as Channel & Connection
}

test('the oldest give way, but for the successor; each flood is told of once', () => {
  const log = new LinesLog()
  const all = new Conversations(log)
  for (const floods of [1, 2]) {
    const [successor, ...others] = Array.from({ length: MAX_CONVERSATIONS + 2 }, channel)
    all.add(successor!, null)
    for (const one of others) all.add(one, successor!)
    const open = others.map((one) => all.has(one))
    assert.deepEqual(open, [false, false, true, true, true])
    assert.deepEqual(
      open,
      others.map(({ isClosed }) => !isClosed),
    )
    assert.ok(all.has(successor!))
    assert.equal(log.lines.length, floods)
    all.endAll()
    assert.ok(successor!.isClosed && others.every(({ isClosed }) => isClosed))
  }
})
