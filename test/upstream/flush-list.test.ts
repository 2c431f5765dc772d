import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { FlushList } from '../../src/upstream/flush-list.ts'

test('everything added in a tick is flushed at its end, in order', async () => {
  const list = new FlushList()
  const flushed: string[] = []
  const one = (name: string): { flush: () => void } => ({ flush: () => flushed.push(name) })
  list.add(one('a'))
  list.add(one('b'))
  assert.deepEqual(flushed, [])
  await turn()
  assert.deepEqual(flushed, ['a', 'b'])
})

test('what is added while flushing waits for the next turn', async () => {
  const list = new FlushList()
  const flushed: string[] = []
  list.add({
    flush() {
      flushed.push('first')
      list.add({ flush: () => flushed.push('second') })
    },
  })
  await turn()
  assert.deepEqual(flushed, ['first'])
  await turn()
  assert.deepEqual(flushed, ['first', 'second'])
})
