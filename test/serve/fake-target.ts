import assert from 'node:assert/strict'
import { Protocol, Query, type ReplyTarget } from '../../src/serve/query.ts'
import { readFlags, readId } from '../../src/wire/header.ts'
import { parseQuestion } from '../../src/wire/question.ts'
import { Edns, readQueryOpt } from '../../src/wire/edns.ts'

/** What lies in a reply buffer before it is written: nobody's zeros. */
const FILLER = 0xee

/** A target that keeps what is sent and holds its callers to the contract of reservations. */
export class FakeTarget implements ReplyTarget {
  readonly protocol: Protocol
  readonly maxSize: number
  readonly localAddress: string = '192.0.2.53'
  readonly localPort = 53
  readonly sent: Buffer[] = []
  dropped = 0
  readonly #buffer: Buffer = Buffer.alloc(65_535)
  #open: Query | null = null

  constructor(protocol: Protocol = Protocol.Udp, maxSize = 65_535) {
    this.protocol = protocol
    this.maxSize = maxSize
  }

  reserve(q: Query): Buffer {
    const isGivenUp = q.kept && this.#open?.kept === false
    assert.ok(this.#open === null || this.#open === q || isGivenUp, 'one reservation at a time')
    this.#open = q
    return this.#buffer.fill(FILLER)
  }

  send(q: Query, length: number): void {
    assert.equal(this.#open, q, 'reserved by this query')
    assert.equal(q.out, this.#buffer)
    assert.equal(q.outLength, length)
    this.#open = null
    this.sent.push(Buffer.from(q.out.subarray(0, length)))
  }

  drop(q: Query): void {
    assert.ok(this.#open === null || this.#open === q)
    this.#open = null
    this.dropped++
  }

  remoteAddress(): string {
    return '198.51.100.7'
  }

  remotePort(): number {
    return 40_000
  }

  isIPv6(): boolean {
    return false
  }
}

/** A query as a socket hands it to a server: nothing of it read. */
export function receive(wire: Buffer, target: ReplyTarget = new FakeTarget()): Query {
  const q = new Query(target)
  q.reset(wire, wire.length, 1000)
  return q
}

/** A query as a server hands it to a chain: header, question and OPT read. */
export function accepted(wire: Buffer, target: ReplyTarget = new FakeTarget()): Query {
  const q = receive(wire, target)
  q.id = readId(wire)
  q.flags = readFlags(wire)
  parseQuestion(wire, wire.length, q.question)
  const edns = new Edns()
  readQueryOpt(wire, wire.length, q.question, edns)
  q.edns.assign(edns)
  return q
}
