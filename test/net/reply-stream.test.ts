import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ByteBudget } from '../../src/lib/byte-budget.ts'
import type { ClientStream } from '../../src/net/client-stream.ts'
import { ReplyStream } from '../../src/net/reply-stream.ts'

/** What a stream is given to write that takes nothing of it. */
function cutOff(readsOn: boolean): Buffer {
  const written: Buffer[] = []
  const stream = { readsOn, write: (bytes: Buffer) => (written.push(bytes), 0) }
  const budget = new ByteBudget(2 ** 20)
  const replies = new ReplyStream(stream as unknown as ClientStream, budget)
  replies.add(Buffer.alloc(60_000), 60_000)
  replies.flush(0)
  assert.ok(budget.wouldExceed(2 ** 20 - 60_001))
  replies.clear()
  assert.equal(budget.wouldExceed(2 ** 20), false)
  return written[0]!
}

test('the buffer of a write that was cut off is used again, unless it may be read still', () => {
  const first = cutOff(false)
  assert.equal(cutOff(false), first)
  assert.equal(cutOff(true), first)
  assert.notEqual(cutOff(false), first)
})
