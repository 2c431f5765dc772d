import { Flag, Opcode } from './codes.ts'
import { HEADER_SIZE, opcodeOf, readCount, readFlags, Section } from './header.ts'
import { WireStatus } from './status.ts'

/**
 * Judges a query by its header alone, before anything of it is parsed: replies and scraps get no
 * answer (answering a reply would let two servers talk to each other for ever), unknown opcodes
 * NOTIMP, impossible counts FORMERR.
 */
export function gate(b: Uint8Array, length: number): WireStatus {
  if (length < HEADER_SIZE) return WireStatus.Ignore
  const flags = readFlags(b)
  if ((flags & Flag.QR) !== 0) return WireStatus.Ignore
  const opcode = opcodeOf(flags)
  if (opcode !== Opcode.Query && opcode !== Opcode.Notify) return WireStatus.NotImp
  // A NOTIFY may carry the new SOA as its answer, an IXFR query the old one as its authority; the
  // additional section has room for OPT and TSIG.
  const possible =
    readCount(b, Section.Question) === 1 &&
    readCount(b, Section.Answer) <= 1 &&
    readCount(b, Section.Authority) <= 1 &&
    readCount(b, Section.Additional) <= 2
  return possible ? WireStatus.Ok : WireStatus.FormErr
}
