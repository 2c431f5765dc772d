import { Ede, Flag, OPCODE_MASK, Rcode, RCODE_MASK } from '../wire/codes.ts'
import { addErrors, addOptions, gatherErrors, OPT_SIZE, writeOpt } from '../wire/edns.ts'
import { readFlags, writeFlags } from '../wire/header.ts'
import { Records, scanRecords, stripOpt } from '../wire/records.ts'
import { patchReply, writeFailure } from '../wire/reply.ts'
import { WireStatus } from '../wire/status.ts'
import { truncate } from '../wire/truncate.ts'
import { capTtls, MAX_TTL } from '../wire/ttl.ts'
import { clientQueries } from './client-queries.ts'
import type { Handler } from './plugin.ts'
import { MAX_UDP_SIZE, NO_EDE, type Observer, Outcome, Protocol, type Query } from './query.ts'
import { restoreQuestion } from './rewritten-question.ts'
import { spectator } from './spectator.ts'

/** Replies cut to `Query.maxUdpSize` octets whose clients said that they take more. */
export const shortenedReplies: { count: number } = { count: 0 }

/** Flags of a message that a client gets as the message has them. */
const KEPT_FLAGS = Flag.AA | Flag.TC | Flag.RA | Flag.AD | RCODE_MASK
/** Flags that repeat the query's. */
const ECHOED_FLAGS = OPCODE_MASK | Flag.RD | Flag.CD

/** Scratch for messages that nobody has scanned yet. One is enough: the server is synchronous. */
const scratch = new Records()

/**
 * The end of a server block's chain: makes the outcome a reply for this very client, sends it,
 * tells the observers, or the part of the daemon that asked, and gives the query back.
 */
export function makeFinish(observers: readonly Observer[]): Handler {
  return (q) => {
    if (q.outcome === Outcome.Drop) {
      q.outLength = 0
      q.finished = true
      q.target.drop(q)
    } else sendReply(q)
    if (q.asker !== null) q.asker(q)
    else {
      for (let i = 0; i < observers.length; i++) observers[i]!(q)
      clientQueries.count(q)
      if (spectator.seen !== null) spectator.seen(q)
    }
    q.release()
  }
}

/** Builds the final reply from a message or a failure and sends it: `q.out[0..q.outLength)`. */
export function sendReply(q: Query): void {
  if (q.outcome === Outcome.Message) finishMessage(q)
  else finishFailure(q)
  q.finished = true
  q.target.send(q, q.outLength)
}

function finishMessage(q: Query): void {
  const { out, question, edns } = q
  let flags = (readFlags(out) & KEPT_FLAGS) | Flag.QR | (q.flags & ECHOED_FLAGS)
  // RFC 6840 §5.7: AD means something only to a client that asked with AD or DO.
  if ((q.flags & Flag.AD) === 0 && !edns.dnssecOk) flags &= ~Flag.AD
  q.rcode = flags & RCODE_MASK
  patchReply(out, q.wire, question, q.id, flags)

  const size = sizeFor(q)
  const room = edns.present ? size - OPT_SIZE - optionsSize(q, size) : size
  if (q.outLength > room) {
    if (size < q.edns.udpSize && q.target.protocol === Protocol.Udp) shortenedReplies.count++
    if (!shrink(q, room)) return
  }
  if (edns.present) q.outLength = appendOpt(q, q.outLength, size, 0)
}

/**
 * Octets of the longest reply: what the client advertised over UDP (512 without EDNS), `maxUdpSize`
 * at most, or what TCP carries. An answer to a question of our own is not cut for those who read it here.
 */
function sizeFor(q: Query): number {
  const { depth, target, edns } = q
  const { maxSize, protocol } = target
  if (protocol === Protocol.Tcp || depth > 0) return maxSize
  return Math.min(edns.udpSize, maxSize, q.maxUdpSize)
}

/** Octets of the options for the reply, 0 where they would leave no room for a record. */
function optionsSize({ question, replyOptions }: Query, size: number): number {
  if (replyOptions === null) return 0
  const { length } = replyOptions
  return question.end + OPT_SIZE + length <= size ? length : 0
}

/**
 * Extended errors have what room the records leave: none is worth a record. The size that we advertise is
 * what we take ourselves (RFC 6891 §6.2.3).
 */
function appendOpt(q: Query, length: number, size: number, extendedRcode: number): number {
  const { out, edns, ede, errors, replyOptions } = q
  const start = writeOpt(out, length, MAX_UDP_SIZE, extendedRcode, edns.dnssecOk)
  const room = size - optionsSize(q, size)
  // First, because they may lie where the other options will.
  const end = ede === NO_EDE && errors.size === 0 ? start : addErrors(out, start, room, ede, errors)
  return replyOptions === null ? end : addOptions(out, start, end, size, replyOptions)
}

/** Makes the message fit its client; false where it cannot be parsed and a failure took its place. */
function shrink(q: Query, room: number): boolean {
  const records = q.records ?? scanReply(q)
  if (records === null) {
    q.fail(Rcode.ServFail, 'reply cannot be parsed', Ede.InvalidData)
    finishFailure(q)
    return false
  }
  q.outLength = truncate(q.out, records, q.question, room)
  return true
}

/**
 * Scans the message in `q.out` and removes its OPT: EDNS is hop by hop (RFC 6891 §6.1.1). Of what
 * OPT said, extended DNS errors go on with the query; an rcode above 15
 * (BADVERS, BADCOOKIE) becomes SERVFAIL, because it judges our query, not the client's, and its low
 * bits alone would read as NOERROR or worse. Returns null where the message is malformed. The result
 * is shared scratch, as `q.records` says.
 */
export function scanReply(q: Query): Records | null {
  const { out } = q
  if (scanRecords(out, q.outLength, q.question, scratch) !== WireStatus.Ok) return null
  if (scratch.rcode > RCODE_MASK) {
    writeFlags(out, (readFlags(out) & ~RCODE_MASK) | Rcode.ServFail)
    scratch.rcode = Rcode.ServFail
  }
  if (scratch.ede >= 0) gatherErrors(out, scratch.optionsAt, scratch.optionsEnd, q.errors)
  q.outLength = stripOpt(out, scratch)
  if (scratch.hasNegativeTtl) capTtls(out, scratch, MAX_TTL)
  q.records = scratch
  return scratch
}

function finishFailure(q: Query): void {
  // Where a stage threw, nobody has taken it back.
  if (q.rewritten !== null) restoreQuestion(q)
  const out = q.reserve()
  const { edns, question } = q
  const echoed = question.end === 0 ? null : question
  const length = writeFailure(out, q.wire, q.flags, echoed, q.rcode)
  q.outLength = edns.present ? appendOpt(q, length, sizeFor(q), q.rcode >> 4) : length
}
