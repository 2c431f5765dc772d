import { write16, write32 } from './bytes.ts'
import { Class } from './codes.ts'
import { HEADER_SIZE } from './header.ts'
import { textToName } from './name.ts'
import { MAX_QUESTION_END, TYPE_AND_CLASS } from './question.ts'

/** Writes the header of a query with one question at `out[at..)`; `additional` records come behind that. */
export function writeQueryHeader(
  out: Uint8Array,
  at: number,
  id: number,
  flags: number,
  additional = 0,
): void {
  write16(out, at, id)
  write16(out, at + 2, flags)
  write32(out, at + 4, 0x0001_0000)
  write32(out, at + 8, additional)
}

/**
 * A query of class IN without EDNS, or null where the name does not fit into a message.
 *
 * @param name in presentation format
 */
export function makeQuery(id: number, flags: number, name: string, type: number): Buffer | null {
  const query = Buffer.alloc(MAX_QUESTION_END)
  const end = textToName(name, query, HEADER_SIZE)
  if (end < 0) return null
  writeQueryHeader(query, 0, id, flags)
  write16(query, end, type)
  write16(query, end + 2, Class.IN)
  return query.subarray(0, end + TYPE_AND_CLASS)
}
