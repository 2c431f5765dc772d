import { Flag, OPCODE_MASK, Rcode, RCODE_MASK } from '../wire/codes.ts'
import { optSize, writeOpt } from '../wire/edns.ts'
import { readFlags } from '../wire/header.ts'
import { Records, scanRecords, stripOpt } from '../wire/records.ts'
import { patchReply, writeFailure } from '../wire/reply.ts'
import { WireStatus } from '../wire/status.ts'
import { truncate } from '../wire/truncate.ts'
import type { Handler } from './plugin.ts'
import { Outcome, Protocol, type Query } from './query.ts'

/**
 * The payload size we advertise to clients (RFC 6891 §6.2.3): what our sockets accept in one
 * datagram, well below any MTU.
 */
export const ADVERTISED_UDP_SIZE = 1232

/** Flags of a message that a client gets as the message has them. */
const KEPT_FLAGS = Flag.AA | Flag.TC | Flag.RA | Flag.AD | RCODE_MASK
/** Flags that repeat the query's. */
const ECHOED_FLAGS = OPCODE_MASK | Flag.RD | Flag.CD

/** Scratch for messages that nobody has scanned yet. One is enough: the server is synchronous. */
const scratch = new Records()

/** Tells an observer of a query whose reply went out. */
export type Observer = (q: Query) => void

/**
 * The end of a server block's chain: makes the outcome a reply for this very client, sends it,
 * tells the observers and gives the query back.
 */
export function makeFinish(observers: readonly Observer[]): Handler {
  return (q) => {
    if (q.outcome === Outcome.Drop) {
      q.outLength = 0
      q.target.drop(q)
    } else {
      finishReply(q)
      q.target.send(q, q.outLength)
    }
    for (let i = 0; i < observers.length; i++) observers[i]!(q)
    q.release()
  }
}

/** Builds the final reply in `q.out`, of `q.outLength` bytes, whatever the outcome was. */
export function finishReply(q: Query): void {
  if (q.outcome === Outcome.Message) finishMessage(q)
  else finishFailure(q)
}

function finishMessage(q: Query): void {
  const { out, question, edns } = q
  let flags = (readFlags(out) & KEPT_FLAGS) | Flag.QR | (q.flags & ECHOED_FLAGS)
  // RFC 6840 §5.7: AD means something only to a client that asked with AD or DO.
  if ((q.flags & Flag.AD) === 0 && !edns.dnssecOk) flags &= ~Flag.AD
  q.rcode = flags & RCODE_MASK
  patchReply(out, q.wire, question, q.id, flags)

  const opt = edns.present ? optSize(q.ede) : 0
  const limit = replyLimit(q) - opt
  if (q.outLength > limit) shrink(q, limit)
  if (opt !== 0) q.outLength = writeOpt(out, q.outLength, ADVERTISED_UDP_SIZE, 0, edns.dnssecOk, q.ede)
}

/** Largest reply this client takes: what it advertised over UDP (512 without EDNS), else 65,535. */
export function replyLimit(q: Query): number {
  const { target } = q
  if (target.protocol === Protocol.Tcp) return target.maxSize
  return Math.min(q.edns.udpSize, target.maxSize)
}

function shrink(q: Query, limit: number): void {
  const records = q.records ?? scanReply(q)
  if (records === null) {
    q.fail(Rcode.ServFail, 'reply cannot be parsed')
    finishFailure(q)
    return
  }
  q.outLength = truncate(q.out, q.outLength, records, q.question, limit)
}

/**
 * Scans the message in `q.out` and removes its OPT: EDNS is hop by hop (RFC 6891 §6.1.1). Returns
 * null where the message is malformed. The result is shared scratch, as `q.records` says.
 */
export function scanReply(q: Query): Records | null {
  if (scanRecords(q.out, q.outLength, q.question, scratch) !== WireStatus.Ok) return null
  if (scratch.optAt >= 0) q.outLength = stripOpt(q.out, q.outLength, scratch)
  q.records = scratch
  return scratch
}

function finishFailure(q: Query): void {
  const out = q.reserve()
  const { edns, question } = q
  // An end of 0: the question could not be read.
  const echoed = question.end === 0 ? null : question
  let length = writeFailure(out, q.wire, q.flags, echoed, q.rcode)
  if (edns.present) {
    const extended = q.rcode >> 4
    length = writeOpt(out, length, ADVERTISED_UDP_SIZE, extended, edns.dnssecOk, q.ede)
  }
  q.outLength = length
}

