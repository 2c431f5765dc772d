import type { Prefix } from '../../corefile/ip.ts'
import { copyBytes } from '../../lib/bytes.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { read16, write16, write32 } from '../../wire/bytes.ts'
import { Class, Ede, Flag, Rcode, Type } from '../../wire/codes.ts'
import { compressInOrder } from '../../wire/compress.ts'
import { readFlags, rcodeOf, writeFlags } from '../../wire/header.ts'
import { copyName, MAX_NAME } from '../../wire/name.ts'
import { CLASS_TO_TTL, RECORD_FIXED, TTL_TO_RDATA } from '../../wire/record-layout.ts'
import { MAX_MESSAGE, readTtl, Records, scanRecords } from '../../wire/records.ts'
import { WireStatus } from '../../wire/status.ts'

const IPV4_SIZE = 4
const IPV6_SIZE = 16
/** The octet that no address touches (RFC 6052 §2.2). */
const RESERVED_OCTET = 8
const POINTER = 0xc000
const MAX_POINTER = 0x3fff
const POINTER_SIZE = 2
/** The longest translated record. */
const MAX_TRANSLATED = MAX_NAME + RECORD_FIXED + IPV6_SIZE

/** Made when first needed, and enough for all blocks: serving is synchronous. */
let scratch: Buffer | null = null
let found: Records | null = null

/** Makes answers for AAAA of those for A. */
export class Translator {
  /** An address to be: the prefix, and zeros. */
  readonly #prefix = new Uint8Array(IPV6_SIZE)
  /** Where the octets of an IPv4 address go. */
  readonly #places: readonly number[]

  constructor({ bytes, length }: Prefix) {
    this.#prefix.set(bytes)
    const free = Array.from({ length: IPV6_SIZE }, (_, i) => i).slice(length / 8)
    this.#places = free.filter((i) => i !== RESERVED_OCTET).slice(0, IPV4_SIZE)
  }

  /**
   * Makes the reply to an inner question for A the outcome of `q`, which asks for AAAA under the same name; true
   * where that is an answer. A failure stays one: NOERROR without records would say that there is no address.
   *
   * @param maxTtl seconds, for translated addresses
   */
  answer(q: Query, inner: Query, maxTtl: number): boolean {
    const problem = this.#translate(q, inner, maxTtl)
    const { at, from, size } = inner.errors
    const errors = Buffer.copyBytesFrom(from, at, size)
    if (problem === null) {
      q.outcome = Outcome.Message
      q.ede = inner.ede
      q.error = null
    } else q.fail(problem.rcode, problem.error, problem.ede)
    q.errors.set(errors, 0, size)
    q.records = null
    q.answeredBy = 'dns64'
    return problem === null
  }

  /** Writes `q.out`; returns why that cannot be. */
  #translate(q: Query, inner: Query, maxTtl: number): Problem | null {
    const { outcome, rcode } = inner
    if (outcome === Outcome.Drop) return failure('no answer to the question for A', Ede.Other)
    if (outcome === Outcome.Failure) return { rcode, error: inner.error, ede: inner.ede }
    const flags = readFlags(inner.out)
    const code = rcodeOf(flags)
    if (code !== Rcode.NoError && code !== Rcode.NXDomain) {
      return { rcode: code, error: null, ede: inner.ede }
    }
    const records = (found ??= new Records())
    const status = scanRecords(inner.out, inner.outLength, inner.question, records)
    if (status !== WireStatus.Ok) return failure('reply cannot be parsed', Ede.InvalidData)
    const isCut = this.#addTranslated(inner.out, records, maxTtl)
    q.outLength = compressInOrder(scratch!, records, q.question, q.reserve())
    if (q.outLength < 0) return failure('answer is too long', Ede.Other)
    const cut = isCut ? Flag.TC : 0
    writeFlags(q.out, Flag.QR | (flags & (Flag.RA | Flag.TC)) | cut)
    return null
  }

  /**
   * Lists translated records in place of A ones; they stand behind the message, which is copied for that:
   *
   *     header  question  CNAME  A  A  SOA │ AAAA  AAAA
   *                              └──┴──────┴──▸ ┴────▸   owners are pointers
   *
   * True where there was no room for all.
   */
  #addTranslated(message: Buffer, records: Records, maxTtl: number): boolean {
    const b = (scratch ??= Buffer.allocUnsafeSlow(MAX_MESSAGE))
    copyBytes(message, 0, b, 0, records.end)
    const { answerCount, count, ends, starts, ttlAt, types } = records
    let end = records.end
    let kept = 0
    for (let i = 0; i < count; i++) {
      const at = ttlAt[i]!
      const isTranslated =
        i < answerCount && types[i] === Type.A && read16(b, at - CLASS_TO_TTL) === Class.IN
      if (isTranslated && end + MAX_TRANSLATED > MAX_MESSAGE) {
        records.answerCount--
        continue
      }
      const start = isTranslated ? end : starts[i]!
      if (isTranslated) end = this.#write(b, starts[i]!, at, maxTtl, end)
      starts[kept] = start
      types[kept] = isTranslated ? Type.AAAA : types[i]!
      ttlAt[kept] = isTranslated ? end - IPV6_SIZE - TTL_TO_RDATA : at
      ends[kept++] = isTranslated ? end : ends[i]!
    }
    records.count = kept
    return kept < count
  }

  /** Writes the A record whose owner and TTL stand there as an AAAA one at `to`; returns the offset after it. */
  #write(b: Buffer, owner: number, ttlAt: number, maxTtl: number, to: number): number {
    const fixed = writeOwner(b, owner, to)
    const rdata = fixed + RECORD_FIXED
    write16(b, fixed, Type.AAAA)
    write16(b, fixed + 2, Class.IN)
    write32(b, fixed + 4, Math.min(readTtl(b, ttlAt), maxTtl))
    write16(b, fixed + 8, IPV6_SIZE)
    b.set(this.#prefix, rdata)
    const places = this.#places
    for (let i = 0; i < IPV4_SIZE; i++) b[rdata + places[i]!] = b[ttlAt + TTL_TO_RDATA + i]!
    return rdata + IPV6_SIZE
  }
}

interface Problem {
  readonly rcode: number
  readonly error: string | null
  readonly ede: number
}

function failure(error: string, ede: number): Problem {
  return { rcode: Rcode.ServFail, error, ede }
}

/** Writes the name at `at` once more, as a pointer where it can be pointed at. */
function writeOwner(b: Buffer, at: number, to: number): number {
  const isPointer = b[at]! >= POINTER >> 8
  if (!isPointer && at > MAX_POINTER) return copyName(b, at, b, to)
  write16(b, to, isPointer ? read16(b, at) : POINTER | at)
  return to + POINTER_SIZE
}
