import { createHash } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import { DnsletError } from '../../lib/errors.ts'
import { ErrorOptions } from '../../wire/edns.ts'
import type { Entry } from './entry.ts'
import type { CacheStores } from './stores.ts'

/**
 * How a cache travels to another process, integers in network byte order:
 *
 *   stream   [ magic, version: 8 ][ section or entry … ][ end: 1 ]
 *   section  [ kind: 1 ][ digest of the cache's key: 32 ]              whose entries follow
 *   entry    [ kind: 1 ][ variant: 1 ][ EDE: 2 ][ stored at: 8 ][ expires at: 8 ][ size: 2 ]
 *            [ size of errors: 2 ][ message ][ extended errors, as options ]
 *
 * Times are milliseconds of the wall clock, as floating point numbers: monotonic clocks of two
 * processes have nothing in common. The message is whole, with TTLs as stored, so that who reads it
 * can judge it like any other and need not believe what is said about it.
 */
export const transferMagic: Buffer = Buffer.from('dnsletC\x02', 'latin1')

/** First octet of each item of the stream. */
export const Item = { Section: 1, Success: 2, Denial: 3, End: 4 } as const

/** Octets of a section, and of an entry before its message. */
export const SECTION_SIZE = 33
export const ENTRY_HEAD = 24
/** Offsets in an entry. */
export const EntryAt = { Variant: 1, Ede: 2, Stored: 4, Expires: 12, Size: 20, Errors: 22 } as const

/** Caches by the key they are kept under: what their answers depend on. */
export type CachesByKey = ReadonlyMap<string, CacheStores>

/** A stream of cache entries that cannot be believed. */
export class CacheTransferError extends DnsletError {}

/** Octets of a piece of the stream: about a hundred entries, a millisecond of work while the code is cold. */
const PIECE = 16 * 1024
const MAX_MESSAGE = 65_535
/** Where an entry's extended errors lie; one is enough. */
const errors = new ErrorOptions()
/** Entries of a store that travel, those used last: to list more would hold up queries. */
const MAX_ENTRIES = 65_536

/**
 * Caches as a stream of pieces (see `transferMagic`), each to be used before the next is asked for.
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
    for (const store of [denial, success]) {
      for (const entry of store.recent(MAX_ENTRIES)) {
        if (entry.isGone) continue
        length += writeEntry(piece, length, entry, offset)
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

/** Returns the octets written. */
function writeEntry(out: Buffer, at: number, entry: Entry, offset: number): number {
  const size = entry.readMessage(out.subarray(at + ENTRY_HEAD))
  out[at] = entry.isDenial ? Item.Denial : Item.Success
  out[at + EntryAt.Variant] = entry.variant
  out.writeInt16BE(entry.ede, at + EntryAt.Ede)
  out.writeDoubleBE(entry.storedAt + offset, at + EntryAt.Stored)
  out.writeDoubleBE(entry.expiresAt + offset, at + EntryAt.Expires)
  out.writeUInt16BE(size, at + EntryAt.Size)
  errors.clear()
  entry.readErrors(errors)
  out.writeUInt16BE(errors.size, at + EntryAt.Errors)
  const end = at + ENTRY_HEAD + size
  errors.from.copy(out, end, errors.at, errors.at + errors.size)
  return end + errors.size - at
}
