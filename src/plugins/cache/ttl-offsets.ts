import { read16, write16, write32 } from '../../wire/bytes.ts'
import { readTtl, type Records } from '../../wire/records.ts'

/** Writes the offset of each record's TTL to `page[at…)`, two octets each; returns their end. */
export function writeTtlOffsets(page: Buffer, at: number, records: Records): number {
  let to = at
  for (let i = 0; i < records.count; i++, to += 2) write16(page, to, records.ttlAt[i]!)
  return to
}

/**
 * Takes `elapsed` seconds off the TTLs in `out` whose `count` offsets stand at `page[at…)`, or sets all
 * to `fixed` where that is not negative.
 */
export function changeTtls(
  page: Buffer,
  at: number,
  count: number,
  out: Buffer,
  elapsed: number,
  fixed: number,
): void {
  const end = at + 2 * count
  for (let offset = at; offset < end; offset += 2) {
    const ttlAt = read16(page, offset)
    write32(out, ttlAt, fixed >= 0 ? fixed : Math.max(0, readTtl(out, ttlAt) - elapsed))
  }
}
