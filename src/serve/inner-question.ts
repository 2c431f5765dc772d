import { Flag, OPCODE_MASK, Rcode } from '../wire/codes.ts'
import { HEADER_SIZE, writeCount, writeFlags, writeId, Section } from '../wire/header.ts'
import { write16 } from '../wire/bytes.ts'
import { MAX_QUESTION_END, parseQuestion, TYPE_AND_CLASS } from '../wire/question.ts'
import { MAX_MESSAGE } from '../wire/records.ts'
import { sendReply } from './finish.ts'
import { type Protocol, Query, type ReplyTarget } from './query.ts'

/** Questions inside one another, at most: a CNAME may lead to itself. As in CoreDNS. */
const MAX_DEPTH = 8
const ECHOED = OPCODE_MASK | Flag.RD | Flag.CD | Flag.AD

/** A buffer for each depth: the reply to an inner question is read while the outer one's is built. */
const buffers: Buffer[] = []

/**
 * Told of the reply to an inner question: `inner.out[0..inner.outLength)` is the whole message, without OPT,
 * `inner.rcode`, `inner.ede` and `inner.errors` are its own. Where `inner.outcome` is Drop there is no message.
 * All of it is borrowed until this returns.
 */
export type Answered = (inner: Query) => void

/** Where the answer to an inner question goes. */
class InnerTarget implements ReplyTarget {
  /** The client's: `forward` asks upstream as it was asked, and some upstreams take no TCP. */
  readonly protocol: Protocol
  readonly maxSize = MAX_MESSAGE
  readonly localAddress: string
  readonly localPort: number
  readonly #outer: ReplyTarget
  readonly #answered: Answered

  constructor(outer: ReplyTarget, answered: Answered) {
    this.#outer = outer
    this.#answered = answered
    this.protocol = outer.protocol
    this.localAddress = outer.localAddress
    this.localPort = outer.localPort
  }

  reserve({ depth }: Query): Buffer {
    buffers[depth] ??= Buffer.allocUnsafeSlow(MAX_MESSAGE)
    return buffers[depth]
  }

  send(q: Query): void {
    this.#answered(q)
  }

  drop(q: Query): void {
    this.#answered(q)
  }

  remoteAddress(q: Query): string {
    return this.#outer.remoteAddress(q)
  }

  remotePort(q: Query): number {
    return this.#outer.remotePort(q)
  }

  isIPv6(q: Query): boolean {
    return this.#outer.isIPv6(q)
  }
}

/**
 * Asks the server that took `q` another question, through its blocks and their caches, as this client
 * would: with its address and transport, its RD, CD and AD, its DO. The answer may come before this
 * returns, and it ends any reply begun for `q`: a query that is to wait for it is kept first, and a message
 * that is to be used later copied. Beyond eight questions inside one another the answer is SERVFAIL.
 *
 * @param name in wire format, uncompressed, a sound name
 */
export function askServer(
  q: Query,
  name: Uint8Array,
  type: number,
  answered: Answered,
  cls: number = q.question.class,
): void {
  const inner = new Query(new InnerTarget(q.target, answered))
  const wire = Buffer.alloc(MAX_QUESTION_END)
  writeId(wire, q.id)
  writeFlags(wire, q.flags & ECHOED)
  writeCount(wire, Section.Question, 1)
  wire.set(name, HEADER_SIZE)
  const nameEnd = HEADER_SIZE + name.length
  write16(wire, nameEnd, type)
  write16(wire, nameEnd + 2, cls)
  const end = nameEnd + TYPE_AND_CLASS
  inner.reset(wire, end, q.receivedAt)
  parseQuestion(wire, end, inner.question)
  inner.id = q.id
  inner.flags = q.flags & ECHOED
  inner.edns.assign(q.edns)
  inner.edns.present = false
  inner.client = Buffer.from(q.client)
  inner.server = q.server
  inner.enter = q.enter
  inner.own = q.own
  inner.depth = q.depth + 1
  inner.traceId = q.traceId
  if (inner.depth <= MAX_DEPTH) {
    q.enter(inner)
    return
  }
  inner.fail(Rcode.ServFail, 'too many questions inside one another')
  sendReply(inner)
}
