import { DnsletError } from '../../lib/errors.ts'
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
