/** What became of a query. */
export const Outcome = {
  Pending: 0,
  Answered: 1,
  /** No answer within LOST_AFTER_MS. */
  Lost: 2,
  /** ECONNREFUSED: an ICMP error, or RST for SYN. */
  Refused: 3,
  /** No route, or no address to send from. */
  Unreachable: 4,
  /** RST on an established connection. */
  Reset: 5,
  /** The end of a connection before the answer. */
  Closed: 6,
  /** An rcode other than NOERROR, or no record. */
  Failed: 7,
  /** An answer from another address than was asked: a resolver drops it. */
  Foreign: 8,
} as const
export type Outcome = (typeof Outcome)[keyof typeof Outcome]
export type OutcomeName = keyof typeof Outcome

/** A query is lost after this time, in milliseconds. */
export const LOST_AFTER_MS = 2_000

/** Who answered: 0 nobody, 1 dnslet, 2 the first kube-dns pod, and so on. */
export const DNSLET = 1

/** What a long-lived connection went through, at a time of `monotonic()`. */
export interface ConnectionEvent {
  readonly at: number
  readonly what: 'reset' | 'closed' | 'refused' | 'unreachable'
}

const HEADER = 16

/** The queries of a probe, a column for each thing known of them, in the order they were sent. */
export class Samples {
  readonly sent: Float64Array
  readonly answered: Float64Array
  readonly ttl: Uint32Array
  readonly outcome: Uint8Array
  readonly by: Uint8Array
  readonly connections: ConnectionEvent[] = []
  count = 0
  pending = 0
  /** All before it have ended. */
  #oldest = 0

  /** @param capacity the most queries there can be */
  constructor(capacity: number) {
    this.sent = new Float64Array(capacity)
    this.answered = new Float64Array(capacity).fill(NaN)
    this.ttl = new Uint32Array(capacity)
    this.outcome = new Uint8Array(capacity)
    this.by = new Uint8Array(capacity)
  }

  /** Notes a query sent now; its index. */
  open(now: number): number {
    this.sent[this.count] = now
    this.pending++
    return this.count++
  }

  /** Notes the end of a query, once: what comes later is a duplicate. */
  close(index: number, outcome: Outcome, now: number, by = 0, ttl = 0): void {
    if (this.outcome[index] !== Outcome.Pending) return
    const late = now - this.sent[index]! > LOST_AFTER_MS
    this.outcome[index] = late ? Outcome.Lost : outcome
    this.answered[index] = now
    this.by[index] = by
    this.ttl[index] = ttl
    this.pending--
  }

  /** Gives up what has been pending for LOST_AFTER_MS. */
  expire(now: number): void {
    for (; this.#oldest < this.count; this.#oldest++) {
      if (this.outcome[this.#oldest] !== Outcome.Pending) continue
      if (now - this.sent[this.#oldest]! < LOST_AFTER_MS) return
      this.outcome[this.#oldest] = Outcome.Lost
      this.pending--
    }
  }

  /** The samples as bytes, for `decodeSamples`. */
  encode(): Buffer {
    const events = Buffer.from(JSON.stringify(this.connections))
    const header = Buffer.alloc(HEADER)
    header.writeDoubleLE(this.count, 0)
    header.writeDoubleLE(events.length, 8)
    const columns = columnsOf(this).map((column) => {
      return Buffer.from(column.buffer, 0, this.count * column.BYTES_PER_ELEMENT)
    })
    return Buffer.concat([header, ...columns, events])
  }
}

/** Reads what `Samples.encode` wrote. */
export function decodeSamples(bytes: Buffer): Samples {
  const count = bytes.readDoubleLE(0)
  const samples = new Samples(count)
  samples.count = count
  let at = HEADER
  for (const column of columnsOf(samples)) {
    new Uint8Array(column.buffer).set(bytes.subarray(at, at + column.byteLength))
    at += column.byteLength
  }
  samples.connections.push(
    ...(JSON.parse(bytes.toString('utf8', at, at + bytes.readDoubleLE(8))) as ConnectionEvent[]),
  )
  return samples
}

function columnsOf(samples: Samples): (Float64Array | Uint32Array | Uint8Array)[] {
  return [samples.sent, samples.answered, samples.ttl, samples.outcome, samples.by]
}
