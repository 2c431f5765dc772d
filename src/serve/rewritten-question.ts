import { copyBytes } from '../lib/bytes.ts'
import { write16 } from '../wire/bytes.ts'
import { HEADER_SIZE } from '../wire/header.ts'
import { parseQuestion, TYPE_AND_CLASS } from '../wire/question.ts'
import type { Query } from './query.ts'

/**
 * Puts another question in the place of the query's own: what stages below see, share flights by and ask
 * upstream. `Query.rewritten` has to know the client's.
 *
 * @param name a sound name in wire format, uncompressed
 */
export function replaceQuestion(q: Query, name: Uint8Array, type: number, klass: number): void {
  const nameEnd = HEADER_SIZE + name.length
  const end = nameEnd + TYPE_AND_CLASS
  // The buffer of a copy is its own; a socket's holds the datagram, which stays as it came.
  const wire = q.kept ? q.wire : Buffer.allocUnsafe(end)
  if (!q.kept) copyBytes(q.wire, 0, wire, 0, HEADER_SIZE)
  wire.set(name, HEADER_SIZE)
  write16(wire, nameEnd, type)
  write16(wire, nameEnd + 2, klass)
  setQuestion(q, wire, end)
}

/** Gives the query the question of its client back, and forgets that it was another one. */
export function restoreQuestion(q: Query): void {
  const asked = q.rewritten?.asked ?? null
  q.rewritten = null
  if (asked === null) return
  if (q.kept) asked.copy(q.wire)
  setQuestion(q, q.kept ? q.wire : asked, asked.length)
}

function setQuestion(q: Query, wire: Buffer, length: number): void {
  q.wire = wire
  q.length = length
  parseQuestion(wire, length, q.question)
}
