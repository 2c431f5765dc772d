import { read16, write16 } from './bytes.ts'
import { OPCODE_MASK, OPCODE_SHIFT, RCODE_MASK } from './codes.ts'

/** Octets of the header: id, flags, four counts (RFC 1035 §4.1.1). All functions need them present. */
export const HEADER_SIZE = 12

/** The four sections, in the order of their counts. */
export const Section = { Question: 0, Answer: 1, Authority: 2, Additional: 3 } as const
export type Section = (typeof Section)[keyof typeof Section]

export function readId(b: Uint8Array): number {
  return read16(b, 0)
}

export function writeId(b: Uint8Array, id: number): void {
  write16(b, 0, id)
}

/** The flags word: QR, opcode, AA, TC, RD, RA, Z, AD, CD, rcode. */
export function readFlags(b: Uint8Array): number {
  return read16(b, 2)
}

export function writeFlags(b: Uint8Array, flags: number): void {
  write16(b, 2, flags)
}

/** How many entries the header promises for a section: 0 … 65,535, true or not. */
export function readCount(b: Uint8Array, section: Section): number {
  return read16(b, 4 + 2 * section)
}

export function writeCount(b: Uint8Array, section: Section, count: number): void {
  write16(b, 4 + 2 * section, count)
}

export function opcodeOf(flags: number): number {
  return (flags & OPCODE_MASK) >>> OPCODE_SHIFT
}

/** The low four bits of the rcode; the OPT record may carry eight more (RFC 6891 §6.1.3). */
export function rcodeOf(flags: number): number {
  return flags & RCODE_MASK
}
