import { copyBytes } from '../lib/bytes.ts'
import { write16 } from '../wire/bytes.ts'
import { Flag } from '../wire/codes.ts'
import { MAX_OPTIONS, OPT_SIZE, writeOpt } from '../wire/edns.ts'
import { LENGTH_SIZE } from '../wire/frame.ts'
import { HEADER_SIZE } from '../wire/header.ts'
import { writeQueryHeader } from '../wire/query.ts'
import { MAX_QUESTION_END } from '../wire/question.ts'
import { type Exchange, UDP_SIZE } from './exchange.ts'

/** No query we send is longer: a question, and OPT with options. */
export const MAX_QUERY_SIZE: number = MAX_QUESTION_END + OPT_SIZE + MAX_OPTIONS

/** Where the payload size stands in an OPT record. */
const SIZE_AT = 3

/** Octets of room: for most connections one query at a time is all there is, a busy one has many. */
const SMALL = 512
const LARGE = 8192

const plainOpt = optRecord(false)
const dnssecOpt = optRecord(true)

/** Rendered once: the message's own part differs, the record never does. */
function optRecord(dnssecOk: boolean): Buffer {
  const message = Buffer.alloc(HEADER_SIZE + OPT_SIZE)
  writeOpt(message, HEADER_SIZE, UDP_SIZE, 0, dnssecOk)
  return message.subarray(HEADER_SIZE)
}

/** Octets that `writeQuery` takes for this exchange. */
export function querySize(x: Exchange): number {
  return x.question.end + (x.edns ? OPT_SIZE + (x.options?.length ?? 0) : 0)
}

/**
 * Writes the query of `x` at `out[at..)` under `x.id`: the question as the client spelt it, RD and
 * CD as the client set them, AD set to learn whether the data is authentic (RFC 6840 §5.7), and an
 * OPT record of our own, because EDNS is hop by hop (RFC 6891 §6.1.1), with the options that a plugin
 * has given the query. Returns the end.
 */
export function writeQuery(out: Buffer, at: number, x: Exchange): number {
  const flags = (x.flags & (Flag.RD | Flag.CD)) | Flag.AD
  writeQueryHeader(out, at, x.id, flags, x.edns ? 1 : 0)
  const { end } = x.question
  copyBytes(x.query, HEADER_SIZE, out, at + HEADER_SIZE, end - HEADER_SIZE)
  if (!x.edns) return at + end
  const start = at + end
  copyBytes(x.dnssecOk ? dnssecOpt : plainOpt, 0, out, start, OPT_SIZE)
  if (x.udpSize < UDP_SIZE) write16(out, start + SIZE_AT, x.udpSize)
  const { options } = x
  if (options === null) return start + OPT_SIZE
  write16(out, start + OPT_SIZE - 2, options.length)
  copyBytes(options, 0, out, start + OPT_SIZE, options.length)
  return start + OPT_SIZE + options.length
}

/** The queries of one tick, each with its length in front, that leave in one write. */
export class QueryBatch {
  #bytes: Buffer = Buffer.allocUnsafeSlow(SMALL)
  #end = 0

  get isEmpty(): boolean {
    return this.#end === 0
  }

  /** False where the batch is full, and must be taken before the query of `x` finds room. */
  makeRoom(x: Exchange): boolean {
    if (this.#end + LENGTH_SIZE + querySize(x) <= this.#bytes.length) return true
    if (this.#bytes.length === LARGE) return false
    const large = Buffer.allocUnsafeSlow(LARGE)
    copyBytes(this.#bytes, 0, large, 0, this.#end)
    this.#bytes = large
    return true
  }

  /** Adds the query of `x`. Only where there is room. */
  add(x: Exchange): void {
    x.isJoined = !this.isEmpty
    write16(this.#bytes, this.#end, querySize(x))
    this.#end = writeQuery(this.#bytes, this.#end + LENGTH_SIZE, x)
  }

  /** What was collected, leaving nothing. Valid until the next `add()`, or for good after `yield()`. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#end)
    this.#end = 0
    return taken
  }

  /** Leaves the octets taken last to those that still need them. */
  yield(): void {
    this.#bytes = Buffer.allocUnsafeSlow(this.#bytes.length)
  }
}
