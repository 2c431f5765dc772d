import { getHeapStatistics } from 'node:v8'
import { errorAt } from '../corefile/error.ts'
import type { ServerBlock } from '../corefile/parse.ts'
import { keptQueries, mostKept } from '../serve/kept-queries.ts'

const KIB = 1024
/** What the process needs beside server blocks, to start and to serve. */
const BASE = 16 * KIB * KIB
/** A block with all plugins of the official Corefile, at the most while it starts. */
const BLOCK = 30 * KIB
/** The same while another configuration runs: both are there, and what one leaves is collected late. */
const RELOADED_BLOCK = 60 * KIB
/** The same as BASE once it serves, with what is collected late, and what pools keep. */
const SERVING = 20 * KIB * KIB
/** Never refused, however small the heap is. */
const MIN_BLOCKS = 100

/** The configurations of this process: the one that runs, and one that a reload tries. */
const held = new Set<readonly ServerBlock[]>()

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
  const running = count()
  const left = limit - BASE - running * BLOCK
  const room = Math.max(MIN_BLOCKS, Math.floor(left / (running === 0 ? BLOCK : RELOADED_BLOCK)))
  if (blocks.length > room) {
    const beside = running === 0 ? '' : ` beside the ${running} that run`
    throw errorAt(
      blocks[room]!.keys[0]!,
      `cannot hold ${blocks.length} server blocks: the memory limit has room for ${room}${beside}`,
    )
  }
  held.add(blocks)
  shareWithQueries(limit)
  return () => {
    if (held.delete(blocks)) shareWithQueries(limit)
  }
}

function shareWithQueries(limit: number): void {
  keptQueries.limit = mostKept(limit - SERVING - count() * BLOCK)
}

function count(): number {
  let running = 0
  for (const { length } of held) running += length
  return running
}
