import { getHeapStatistics } from 'node:v8'
import { errorAt } from '../corefile/error.ts'
import type { ServerBlock } from '../corefile/parse.ts'
import { pluginOf } from '../plugins/index.ts'
import { keptQueries, mostKept } from '../serve/kept-queries.ts'

const KIB = 1024
/** What the process needs beside server blocks, and what V8 has to have free to go on. */
const BASE = 21 * KIB * KIB
/** Measured: a block with `errors`, `cache`, `bind` and `forward` is 13 KiB, parsed and set up. */
const BLOCK = 5 * KIB
const DIRECTIVE = 2 * KIB
/** What is read of a Corefile's token, and made of it. */
const TOKEN = 224
/** What the process needs beside server blocks and waiting queries: pools, and what is collected late. */
const SERVING = 20 * KIB * KIB
/** Never refused, however small the heap is. */
const MIN_BLOCKS = 100
const MIN_TOKENS = 10_000

/** Bytes that the heap may have beside what V8 says: less where the memory limit has become lower. */
let bound = Infinity
/** Bytes of the configurations of this process: the one that runs, and one that a reload tries. */
const held = new Map<readonly ServerBlock[], number>()

/**
 * Makes sure that the heap has room for these server blocks beside those that run; V8 ends a process
 * whose heap is full. Returns what gives the room back. Throws a CorefileError at the first block for
 * which there is none. What is left may be filled by queries that wait.
 *
 * @param limit bytes of the heap
 */
export function takeHeapRoom(
  blocks: readonly ServerBlock[],
  limit: number = getHeapStatistics().heap_size_limit,
): () => void {
  let running = 0
  let left = limit - BASE
  for (const [others, cost] of held) {
    running += others.length
    left -= cost
  }
  let cost = 0
  for (const [i, block] of blocks.entries()) {
    cost += costOf(block)
    if (cost <= left || i < MIN_BLOCKS) continue
    const beside = running === 0 ? '' : ` beside the ${running} that run`
    throw errorAt(
      block.keys[0]!,
      `cannot hold ${blocks.length} server blocks: the memory limit has room for ${i}${beside}`,
    )
  }
  held.set(blocks, cost)
  shareWithQueries(limit)
  return () => {
    if (held.delete(blocks)) shareWithQueries(limit)
  }
}

/** From now on waiting queries may fill a heap of so many bytes, or of V8's limit where that is less. */
export function boundHeap(
  bytes: number,
  limit: number = getHeapStatistics().heap_size_limit,
): void {
  bound = bytes
  shareWithQueries(limit)
}

/** What is left is for queries that wait: less what blocks need, and what a reload would need beside them. */
function shareWithQueries(limit: number): void {
  let left = Math.min(limit, bound) - SERVING
  for (const cost of held.values()) left -= 2 * cost
  keptQueries.limit = mostKept(left)
}

/** Tokens of a Corefile that there is room for beside what runs, before it is known what they are. */
export function tokenRoom(limit: number = getHeapStatistics().heap_size_limit): number {
  let left = limit - BASE
  for (const cost of held.values()) left -= cost
  return Math.max(MIN_TOKENS, Math.floor(left / TOKEN))
}

function costOf({ directives }: ServerBlock): number {
  let cost = BLOCK
  for (const name of directives.keys()) cost += DIRECTIVE + (pluginOf(name)?.heapBytes ?? 0)
  return cost
}
