import assert from 'node:assert/strict'
import { test } from 'node:test'

import { MemoryShares } from '../../src/daemon/memory-shares.ts'
import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { Slab } from '../../src/plugins/cache/slab.ts'
import { Store } from '../../src/plugins/cache/store.ts'
import { keptQueries } from '../../src/serve/kept-queries.ts'
import { boundHeap } from '../../src/source/heap-room.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { keyOf, write } from '../plugins/cache/keys.ts'

const MIB = 1024 * 1024

test('caches and waiting queries follow the memory limit, down in slices and up again', (t) => {
  t.after(() => boundHeap(Infinity))
  const work: (() => void)[] = []
  const budget = new ByteBudget(64 * MIB)
  const log = new LinesLog()
  let limit: number | null = 256 * MIB
  let looks = 0
  const read = (): number | null => {
    looks++
    return limit
  }
  const shares = new MemoryShares({ budget, log, read, later: (one) => void work.push(one) })
  const pass = (): void => {
    shares.look()
  }
  const store = new Store(100_000, false, new Slab(), budget)
  for (let i = 0; i < 9_000; i++) write(store, keyOf(i, i))
  pass()
  assert.deepEqual([looks, budget.limit, work.length], [2, 64 * MIB, 0], 'nothing has changed')
  const queries = keptQueries.limit

  limit = 4 * MIB
  pass()
  assert.equal(budget.limit, MIB)
  assert.ok(budget.used > MIB, 'not all at once')
  let slices = 0
  for (let one = work.shift(); one !== undefined; one = work.shift(), slices++) one()
  assert.ok(slices >= 10, `${slices} slices`)
  assert.ok(budget.used <= MIB && budget.used > 0.9 * MIB)
  assert.equal(keptQueries.limit, 3_072, 'of a heap of 32 MiB')
  assert.deepEqual(log.lines, [
    '[INFO] The memory limit is 4 MiB now: all caches together may hold 1 MiB',
  ])

  limit = 160 * MIB
  pass()
  assert.equal(keptQueries.limit, 5_120, 'of a quarter, 40 MiB')
  log.lines.pop()

  limit = null
  pass()
  assert.equal(budget.limit, 64 * MIB)
  assert.ok(keptQueries.limit >= queries)
  assert.equal(
    log.lines[1],
    '[INFO] There is no memory limit any more: all caches together may hold 64 MiB',
  )
  assert.equal(work.length, 0)
})
