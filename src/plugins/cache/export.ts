import { createHash } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import { ErrorOptions } from '../../wire/edns.ts'
import type { Store } from './store.ts'
import {
  ENTRY_HEAD,
  EntryAt,
  Item,
  SECTION_SIZE,
  transferMagic,
  type CachesByKey,
} from './transfer.ts'

/** Octets of a piece of the stream: about a hundred entries, a millisecond of work while the code is cold. */
const PIECE = 16 * 1024
const MAX_MESSAGE = 65_535
/** Where an entry's extended errors lie; one is enough. */
const errors = new ErrorOptions()
/** Entries of a store that travel, those used last: to list more would hold up queries. */
const MAX_ENTRIES = 65_536

/**
 * Caches as a stream of pieces (see `transfer.ts`), each to be used before the next is asked for.
 * Entries may come, go and change between two pieces; of each store the most recently used come last.
 *
 * @param wall milliseconds since 1970
 */
export function* exportCaches(
  caches: CachesByKey,
  clock: Clock,
  wall: () => number = Date.now,
): Generator<Buffer> {
  const piece = Buffer.allocUnsafeSlow(PIECE + ENTRY_HEAD + 2 * MAX_MESSAGE)
  const offset = wall() - clock.refresh()
  let length = transferMagic.copy(piece)
  for (const [key, { success, denial }] of caches) {
    if (length + SECTION_SIZE > PIECE) {
      yield piece.subarray(0, length)
      length = 0
    }
    piece[length] = Item.Section
    length += 1 + keyDigest(key).copy(piece, length + 1)
    // Success last: where there is not room for all, it is what counts.
    for (const [kind, store] of [
      [Item.Denial, denial],
      [Item.Success, success],
    ] as const) {
      for (const slot of store.recent(MAX_ENTRIES)) {
        length += writeEntry(piece, length, kind, store, slot, offset)
        if (length < PIECE) continue
        yield piece.subarray(0, length)
        length = 0
      }
    }
  }
  piece[length] = Item.End
  yield piece.subarray(0, length + 1)
}

/** What a cache's key is known by in a stream: 32 octets, however long the key is. */
export function keyDigest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** Returns the octets written: 0 for a slot that has lost its entry. */
function writeEntry(
  out: Buffer,
  at: number,
  kind: number,
  store: Store,
  slot: number,
  offset: number,
): number {
  const size = store.readMessage(slot, out.subarray(at + ENTRY_HEAD))
  if (size === 0) return 0
  out[at] = kind
  out[at + EntryAt.Variant] = store.variant[slot]!
  out.writeInt16BE(store.ede[slot]!, at + EntryAt.Ede)
  out.writeDoubleBE(store.storedAt[slot]! + offset, at + EntryAt.Stored)
  out.writeDoubleBE(store.expiresAt[slot]! + offset, at + EntryAt.Expires)
  out.writeUInt16BE(size, at + EntryAt.Size)
  errors.clear()
  store.readErrors(slot, errors)
  out.writeUInt16BE(errors.size, at + EntryAt.Errors)
  const end = at + ENTRY_HEAD + size
  errors.from.copy(out, end, errors.at, errors.at + errors.size)
  return end + errors.size - at
}
