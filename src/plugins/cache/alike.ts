import { read16, read32 } from '../../wire/bytes.ts'
import { Class, Rcode, Type } from '../../wire/codes.ts'
import { CLASS_TO_TTL, TYPE_TO_TTL } from '../../wire/record-layout.ts'
import type { Records } from '../../wire/records.ts'

const POINTER_SIZE = 2
/** Octets of a record whose owner is a pointer, and whose data is an address. */
const IPV4_RECORD = 16
const IPV6_RECORD = 28

/**
 * What `Query.alike` is to be for this message, whose records begin at `start`: looked at once, where it is
 * stored, so that `loadbalance` need not look at each hit.
 */
export function alikeSize(b: Uint8Array, start: number, records: Records): number {
  const { answerCount, ends, rcode, starts, ttlAt, types } = records
  if (answerCount < 2 || rcode !== Rcode.NoError) return 0
  if (records.authorityCount > 1 || records.additionalCount > 1) return 0
  const type = types[0]!
  if (type !== Type.A && type !== Type.AAAA) return 0
  const size = type === Type.A ? IPV4_RECORD : IPV6_RECORD
  const owner = read16(b, start)
  const ttl = read32(b, ttlAt[0]!)
  for (let i = 0, at = start; i < answerCount; i++, at += size) {
    // An owner of two octets is a pointer.
    const fixed = ttlAt[i]! - TYPE_TO_TTL
    if (starts[i] !== at || fixed !== at + POINTER_SIZE || ends[i] !== at + size) return 0
    if (types[i] !== type || read16(b, at) !== owner || read32(b, ttlAt[i]!) !== ttl) return 0
    if (read16(b, ttlAt[i]! - CLASS_TO_TTL) !== Class.IN) return 0
  }
  return size
}
