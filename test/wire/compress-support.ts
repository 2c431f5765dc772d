import { read16 } from '../../src/wire/bytes.ts'
import { HEADER_SIZE, readCount, Section } from '../../src/wire/header.ts'
import type { Records } from '../../src/wire/records.ts'
import { recordsOf } from './message.ts'

/** A message taken apart by a reader of its own: what compression must not change. */
export interface Plain {
  readonly header: string
  readonly records: readonly PlainRecord[]
}

interface PlainRecord {
  readonly owner: readonly string[]
  /** Type, class and TTL in hex. */
  readonly fixed: string
  /** Names as arrays of labels, all else in hex. */
  readonly data: readonly (string | readonly string[])[]
}

/** Where RFCs put names: octets before, names, and whether they may be compressed. */
export const nameTypes: Readonly<Record<number, readonly [number, number, boolean]>> = {
  2: [0, 1, true],
  5: [0, 1, true],
  6: [0, 2, true],
  12: [0, 1, true],
  14: [0, 2, true],
  15: [2, 1, true],
  17: [0, 2, false],
  33: [6, 1, false],
  39: [0, 1, false],
  46: [18, 1, false],
  47: [0, 1, false],
  65: [2, 1, false],
}

/** Labels of a name, and the offset after it; `pointed` tells whether it has a pointer. */
export function readName(
  b: Buffer,
  offset: number,
): { labels: string[]; end: number; pointed: boolean } {
  const labels: string[] = []
  let at = offset
  let end = -1
  while (b[at] !== 0) {
    const size = b[at]!
    if (size >= 0xc0) {
      if (end < 0) end = at + 2
      at = read16(b, at) & 0x3fff
      continue
    }
    labels.push(b.toString('latin1', at + 1, at + 1 + size))
    at += size + 1
  }
  return { labels, end: end < 0 ? at + 1 : end, pointed: end >= 0 }
}

/** The message without compression. */
export function plain(b: Buffer): Plain {
  let at = readName(b, HEADER_SIZE).end + 4
  const header = b.toString('hex', 0, at)
  const records: PlainRecord[] = []
  const sections = [Section.Answer, Section.Authority, Section.Additional] as const
  const total = sections.reduce((sum, section) => sum + readCount(b, section), 0)
  for (let i = 0; i < total; i++) {
    const owner = readName(b, at)
    const dataAt = owner.end + 10
    const end = dataAt + read16(b, owner.end + 8)
    const data: (string | readonly string[])[] = []
    const [before, names] = nameTypes[read16(b, owner.end)] ?? [0, 0]
    let next = dataAt + before
    data.push(b.toString('hex', dataAt, next))
    for (let n = 0; n < names; n++) {
      const name = readName(b, next)
      data.push(name.labels)
      next = name.end
    }
    data.push(b.toString('hex', next, end))
    records.push({ owner: owner.labels, fixed: b.toString('hex', owner.end, owner.end + 8), data })
    at = end
  }
  return { header, records }
}

/** The same with every name in lower case. */
export function folded({ header, records }: Plain): unknown {
  const lower = (labels: readonly string[]): string => labels.join('.').toLowerCase()
  return {
    header,
    records: records.map(({ owner, fixed, data }) => ({
      owner: lower(owner),
      fixed,
      data: data.map((part) => (typeof part === 'string' ? part : lower(part))),
    })),
  }
}

/** Octets of the message as CoreDNS would send it: in full if that fits, else compressed. */
export function lengthFromCoreDns(b: Buffer, size = 512): number {
  const inFull = writtenLength(b, false)
  return inFull <= size ? inFull : writtenLength(b, true)
}

/**
 * Octets with every name in full, or as CoreDNS compresses: every suffix of every name is remembered
 * where it first stands, spelt as it is, if that is before offset 16,384.
 */
function writtenLength(b: Buffer, compress: boolean): number {
  const known = new Set<string>()
  let length = HEADER_SIZE
  const write = (labels: readonly string[], compressible: boolean): void => {
    for (let i = 0; i < labels.length; i++) {
      const suffix = labels.slice(i).join('\0')
      if (compress && known.has(suffix)) {
        if (compressible) {
          length += 2
          return
        }
      } else if (length < 16_384) known.add(suffix)
      length += 1 + labels[i]!.length
    }
    length++
  }
  write(readName(b, HEADER_SIZE).labels, true)
  length += 4
  for (const { owner, fixed, data } of plain(b).records) {
    write(owner, true)
    length += 10
    const compressible = nameTypes[parseInt(fixed.slice(0, 4), 16)]?.[2] ?? false
    for (const part of data) {
      if (typeof part === 'string') length += part.length / 2
      else write(part, compressible)
    }
  }
  return length
}

/** Whether data that must hold its names in full has a pointer. */
export function pointsWhereItMustNot(b: Buffer, records: Records = recordsOf(b)): boolean {
  for (let i = 0; i < records.count; i++) {
    const [before, names, compressible] = nameTypes[records.types[i]!] ?? [0, 0, true]
    if (compressible) continue
    let at = records.ttlAt[i]! + 6 + before
    for (let n = 0; n < names; n++) {
      const name = readName(b, at)
      if (name.pointed) return true
      at = name.end
    }
  }
  return false
}

/** What describes the records of a message, as plain arrays. */
export function layoutOfRecords(records: Records): unknown {
  const { count, starts, types, ttlAt, ends, end } = records
  const list = (from: Uint16Array): number[] => Array.from(from.subarray(0, count))
  return {
    count,
    end,
    starts: list(starts),
    types: list(types),
    ttlAt: list(ttlAt),
    ends: list(ends),
  }
}
