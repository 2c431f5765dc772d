import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { type CachesByKey, exportCaches } from '../plugins/cache/export.ts'
import { CacheImport } from '../plugins/cache/import.ts'
import { CacheStores } from '../plugins/cache/stores.ts'

import type { KeptStates } from './kept-states.ts'

/** Gives the pieces of a predecessor's cache to `push`; rejects where they do not come to their end. */
export type ReceiveCache = (push: (piece: Buffer) => void) => Promise<void>

/** What is cached, as pieces for a successor. */
export function exportKept(kept: KeptStates, clock: Clock): Iterable<Buffer> {
  return exportCaches(cachesOf(kept), clock)
}

/**
 * Fills the caches with those of a predecessor, where the blocks that use them are the same. Never
 * rejects: a cache that does not arrive whole is left out, and said.
 */
export async function importKept(
  kept: KeptStates,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  receive: ReceiveCache,
): Promise<void> {
  const warm = new CacheImport(cachesOf(kept), clock)
  const began = performance.now()
  try {
    await receive((piece) => warm.push(piece))
    warm.end()
    const took = Math.round(performance.now() - began)
    log.info(`Took over ${warm.entries} cached answers in ${took} ms`)
  } catch (cause) {
    warm.discard()
    log.warning(`Starting with an empty cache: ${(cause as Error).message}`)
  }
}

/** What is cached is so many milliseconds older than it seemed. */
export function ageKept(kept: KeptStates, ms: number): void {
  for (const stores of cachesOf(kept).values()) stores.age(ms)
}

function cachesOf(kept: KeptStates): CachesByKey {
  const caches = new Map<string, CacheStores>()
  for (const [key, state] of kept.entries())
    if (state instanceof CacheStores) caches.set(key, state)
  return caches
}
