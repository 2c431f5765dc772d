import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeHeapRoom } from '../../src/daemon/heap-room.ts'
import { keptQueries } from '../../src/serve/kept-queries.ts'
import { messageOf, parseText } from '../corefile/support.ts'

const MIB = 2 ** 20
/** The heap under the manifest's limit of 200Mi. */
const HEAP = 50 * MIB

function blocks(count: number) {
  return parseText(Array.from({ length: count }, (_, i) => `z${i} {\n}\n`).join(''))
}

test('a heap of 50 MiB has room for 1,000 server blocks, and one for 2,000 is refused by line', () => {
  takeHeapRoom(blocks(1000), HEAP)()
  const error = messageOf(() => takeHeapRoom(blocks(2000), HEAP))
  assert.equal(
    error,
    '/etc/Corefile:2321 - Error during parsing: cannot hold 2000 server blocks: the memory limit has room for 1160',
  )
  takeHeapRoom(blocks(2000), 256 * MIB)()
})

test('a configuration that a reload tries has what the running one leaves, until that is gone', () => {
  const giveBack = takeHeapRoom(blocks(386), HEAP)
  takeHeapRoom(blocks(387), HEAP)()
  assert.match(
    messageOf(() => takeHeapRoom(blocks(388), HEAP)) ?? '',
    /cannot hold 388 server blocks: the memory limit has room for 387 beside the 386 that run$/,
  )
  giveBack()
  const next = takeHeapRoom(blocks(1000), HEAP)
  next()
})

test('a hundred blocks are never refused', () => {
  takeHeapRoom(blocks(100), 0)()
  assert.match(messageOf(() => takeHeapRoom(blocks(101), 0)) ?? '', /has room for 100$/)
})

test('what server blocks leave of the heap is for queries that wait', () => {
  const few = takeHeapRoom(blocks(2), HEAP)
  assert.equal(keptQueries.limit, 7_665)
  const more = takeHeapRoom(blocks(400), HEAP)
  assert.equal(keptQueries.limit, 4_665)
  more()
  assert.equal(keptQueries.limit, 7_665)
  few()
  const many = takeHeapRoom(blocks(1100), HEAP)
  assert.equal(keptQueries.limit, 1_024, 'there is room for some in any case')
  many()
})
