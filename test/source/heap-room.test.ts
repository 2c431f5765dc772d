import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptQueries } from '../../src/serve/kept-queries.ts'
import { takeHeapRoom, tokenRoom } from '../../src/source/heap-room.ts'
import { messageOf, parseText } from '../corefile/support.ts'

const MIB = 2 ** 20
/** The heap under the manifest's limit of 200Mi. */
const HEAP = 50 * MIB
const STUB = ['errors', 'cache 30', 'bind 127.0.0.1', 'forward . 127.0.0.1']

function blocks(count: number, directives: readonly string[] = STUB) {
  const body = directives.map((line) => `  ${line}\n`).join('')
  return parseText(Array.from({ length: count }, (_, i) => `z${i} {\n${body}}\n`).join(''))
}

test('a heap of 50 MiB has room for 2,200 stub domains, and one too many is refused by line', () => {
  takeHeapRoom(blocks(2200), HEAP)()
  const error = messageOf(() => takeHeapRoom(blocks(3000), HEAP))
  assert.equal(
    error,
    '/etc/Corefile:13705 - Error during parsing: cannot hold 3000 server blocks: the memory limit has room for 2284',
  )
  takeHeapRoom(blocks(3000), 256 * MIB)()
})

test('blocks that look for loops need more', () => {
  const whole = [...STUB, 'loop', 'reload', 'prometheus :9253']
  takeHeapRoom(blocks(840, whole), HEAP)()
  assert.match(
    messageOf(() => takeHeapRoom(blocks(1000, whole), HEAP)) ?? '',
    /cannot hold 1000 server blocks: the memory limit has room for 848$/,
  )
})

test('a reload of 1,000 has room beside the 1,000 that run; what is left is counted until those are gone', () => {
  const giveBack = takeHeapRoom(blocks(1000), HEAP)
  takeHeapRoom(blocks(1250), HEAP)()
  assert.match(
    messageOf(() => takeHeapRoom(blocks(1300), HEAP)) ?? '',
    /cannot hold 1300 server blocks: the memory limit has room for 1284 beside the 1000 that run$/,
  )
  giveBack()
  const next = takeHeapRoom(blocks(2000), HEAP)
  next()
})

test('a hundred blocks are never refused', () => {
  takeHeapRoom(blocks(100), 0)()
  assert.match(messageOf(() => takeHeapRoom(blocks(101), 0)) ?? '', /has room for 100$/)
})

test('what server blocks leave of the heap is for queries that wait', () => {
  const few = takeHeapRoom(blocks(2), HEAP)
  assert.equal(keptQueries.limit, 7_667)
  const more = takeHeapRoom(blocks(400), HEAP)
  assert.equal(keptQueries.limit, 5_067)
  more()
  assert.equal(keptQueries.limit, 7_667)
  few()
  const many = takeHeapRoom(blocks(1100), HEAP)
  assert.equal(keptQueries.limit, 1_024, 'there is room for some in any case')
  many()
})

test('what may be read at all is bounded too, by what the running one leaves', () => {
  assert.equal(tokenRoom(HEAP), 135_753)
  const giveBack = takeHeapRoom(blocks(1000), HEAP)
  assert.equal(tokenRoom(HEAP), 76_324)
  giveBack()
  assert.equal(tokenRoom(HEAP), 135_753)
  assert.equal(tokenRoom(0), 10_000)
})
