import { copyBytes } from '../lib/bytes.ts'
import { Ede } from '../wire/codes.ts'
import { Edns, ErrorOptions } from '../wire/edns.ts'
import { MAX_QUESTION_END, Question } from '../wire/question.ts'
import type { Records } from '../wire/records.ts'
import { keptQueries } from './kept-queries.ts'

/** How a client reached us. */
export const Protocol = { Udp: 0, Tcp: 1 } as const
export type Protocol = (typeof Protocol)[keyof typeof Protocol]

/** What became of a query. */
export const Outcome = {
  /** Nothing yet. */
  Pending: 0,
  /** `out[0..outLength)` holds a whole message without OPT; the server finishes it. */
  Message: 1,
  /** No message: the server answers with `rcode` (and `ede`), the question and nothing else. */
  Failure: 2,
  /** No reply at all. */
  Drop: 3,
} as const
export type Outcome = (typeof Outcome)[keyof typeof Outcome]

/** `ede` of a query without an extended DNS error. */
export const NO_EDE = -1

/** The listening address a query came in by, as metrics name it. */
export interface ServerIdentity {
  /** `dns://169.254.20.10:53`, `dns://:53`, `dns://[fd00::a]:53`. */
  readonly name: string
  /** Small and unique per name for the life of the process: an index into arrays of counters. */
  readonly index: number
}

/** Where the answer to a query goes: a UDP socket, a TCP connection, or a caller inside the daemon. */
export interface ReplyTarget {
  readonly protocol: Protocol
  /** Largest reply this target can carry: 65,535 for streams; UDP replies are bounded per query. */
  readonly maxSize: number
  /** Address and port the query was sent to. */
  readonly localAddress: string
  readonly localPort: number
  /** Whether a reply would have to take the place of another one that waits; absent: never. */
  readonly isFull?: boolean
  /**
   * The buffer to build this query's reply in, at least 65,535 bytes long, valid until `send` or
   * `drop` of the same query. Exactly one reservation is open at a time: reserve, build, send.
   * Reserving again for the same query, or for a copy of it that is kept since, starts the reply over.
   */
  reserve(q: Query): Buffer
  /** Sends `q.out[0..length)`, or queues it for the end of this tick. Never throws. */
  send(q: Query, length: number): void
  /** This query will get no reply. */
  drop(q: Query): void
  /** The client's address, IPv6 without brackets. Not for the hot path. */
  remoteAddress(q: Query): string
  remotePort(q: Query): number
  /** True where the client's address is IPv6. */
  isIPv6(q: Query): boolean
}

/** Tells an observer of a query whose reply went out. */
export type Observer = (q: Query) => void

/**
 * What a stage that changes questions remembers of a query until its answer comes back. Copies share it, so
 * it never changes.
 */
export interface Rewritten {
  /** Header and question as the client sent them, or null where the question is the client's still. */
  readonly asked: Buffer | null
}

/**
 * Octets of the longest reply over UDP, whatever the client says it takes, unless `bufsize` says more:
 * below any MTU. A query whose sender is forged brings its victim no more than this, and no fragments; TC
 * brings a real client back over TCP.
 */
export const MAX_UDP_SIZE = 1232

/** A client has its answer before this many ms: its own resolver gives up at 5 s. */
export const PATIENCE_MS = 4_400

/** Octets of the longer socket address, sockaddr_in6; a sockaddr_in has 16. */
export const SOCKADDR_SIZE = 28

const noBytes = Buffer.alloc(0)
const nowhere: ServerIdentity = { name: '', index: 0 }
/** `Query.enter` of a query that is nowhere. */
export const noServer = (): void => {}

/**
 * One query on its way through the daemon. Pooled and of one shape: a socket owns one `Query` that
 * it fills anew for each datagram; a handler that needs it longer calls `keep()`.
 */
export class Query {
  /** The message as received, at offset 0. Borrowed until the handler returns. */
  wire: Buffer = noBytes
  length = 0
  /** Octets of the query as it came; a copy is shorter, but remembers. */
  size = 0
  /** Header id and flags word, read from `wire`. */
  id = 0
  flags = 0
  readonly question: Question = new Question()
  readonly edns: Edns = new Edns()

  target: ReplyTarget
  /** The client's address and port as the kernel writes them, over TCP too; borrowed as `wire` is. */
  client: Buffer = noBytes
  /** `Clock.now` when the query was read from its socket. */
  receivedAt = 0

  /** The server that took the query; set before any plugin sees it. */
  server: ServerIdentity = nowhere
  /** Where that server takes a question that has been read already, see `askServer()`. */
  enter: (q: Query) => void = noServer
  /** How many questions this one is inside of: 0 for a client's. */
  depth = 0

  outcome: Outcome = Outcome.Pending
  out: Buffer = noBytes
  outLength = 0
  /**
   * Where the records of `out` lie, if the producer of the message has scanned it already (its OPT
   * removed). Shared scratch: valid only until the handler that set it returns; null: not scanned.
   */
  records: Records | null = null
  /**
   * Octets of each answer in `out` where that is a NOERROR message of two answers or more, all addresses of
   * one name and type with one TTL, and a pointer for an owner, and at most one record in each other section;
   * 0: not known. Set by `cache` for hits; who changes the message sets it to 0.
   */
  alike = 0
  rcode = 0
  /** What we have to say ourselves: an RFC 8914 code, or NO_EDE. */
  ede: number = NO_EDE
  /** Extended errors of the message in `out`. Borrowed as `records` are: who keeps the message copies. */
  readonly errors: ErrorOptions = new ErrorOptions()
  /** What the `errors` plugin logs; null where nothing went wrong. */
  error: string | null = null
  /** Name of the plugin that produced the outcome ('' for the server itself). */
  answeredBy = ''
  /** The upstream that was asked last for it, `ip:port`; '' where none was. */
  upstream = ''
  /**
   * The part of the daemon that wants to know, null for a client's question. It is told in place of the
   * observers; no cache keeps the answer, and `forward` asks aside. Set by the stage that knows its own
   * questions from those of clients.
   */
  asker: Observer | null = null
  /** The daemon's question to itself, whether it serves: what a Corefile says of clients does not hold for it. */
  own = false
  /** Set by `rewrite` on the way down, taken back by it on the way up. */
  rewritten: Rewritten | null = null
  /** EDNS options that go upstream with the question, as they stand in OPT; MAX_OPTIONS octets at most. */
  options: Buffer | null = null
  /** EDNS options for the OPT record of the reply, where it has one. */
  replyOptions: Buffer | null = null
  /** Octets of the longest reply over UDP, if the client takes so many; asked for upstream where it is less. */
  maxUdpSize: number = MAX_UDP_SIZE
  /** Milliseconds after `receivedAt` that it may wait for an answer. */
  patience: number = PATIENCE_MS
  /** The trace that it is part of, 32 hexadecimal digits; '' for none (`trace`). */
  traceId = ''
  /** True once the reply was handed to the target, or the query dropped. */
  finished = false

  /** True for a copy made by `keep()`. */
  kept = false
  /** Where the client of a copy is counted, see KeptQueries. */
  place = 0
  /** What the stage that keeps this query remembers with it. */
  memo: object | null = null

  constructor(target: ReplyTarget) {
    this.target = target
  }

  /** Makes the query ready for the next message of its owner. */
  reset(wire: Buffer, length: number, receivedAt: number): void {
    this.wire = wire
    this.length = length
    this.size = length
    this.receivedAt = receivedAt
    this.outcome = Outcome.Pending
    this.rcode = 0
    this.ede = NO_EDE
    this.errors.clear()
    this.error = null
    this.answeredBy = ''
    this.upstream = ''
    this.asker = null
    this.traceId = ''
    this.own = false
    this.depth = 0
    this.finished = false
    this.records = null
    this.alike = 0
    this.memo = null
    this.rewritten = null
    this.options = null
    this.replyOptions = null
    this.maxUdpSize = MAX_UDP_SIZE
    this.patience = PATIENCE_MS
  }

  /** True where it is answered with what has expired (RFC 8767): the upstream was late, or failed. */
  get isStale(): boolean {
    return this.ede === Ede.StaleAnswer || this.ede === Ede.StaleNxdomain
  }

  /** Opens the reply buffer of this query's target as `out`. */
  reserve(): Buffer {
    this.out = this.target.reserve(this)
    return this.out
  }

  /** Records that the reply is a bare `rcode`, with what `errors` should log about it. */
  fail(rcode: number, error: string | null = null, ede: number = NO_EDE): void {
    this.outcome = Outcome.Failure
    this.alike = 0
    this.errors.clear()
    this.rcode = rcode
    this.error = error
    this.ede = ede
  }

  /** This query, fit to outlive the packet: itself where it is a copy already, else a copy. */
  keep(): Query {
    return this.kept ? this : this.copy()
  }

  /**
   * A copy that outlives the packet: header, question and EDNS are kept, the client's options are
   * not (we never forward them). Copies come from a pool; the server gives them back after the reply.
   * They are counted: ask `keptQueries.admits()` first, where a client makes one.
   */
  copy(): Query {
    const copy = pool.pop() ?? newKept(this.target)
    copy.place = keptQueries.take(this)
    copy.reset(copy.wire, this.question.end, this.receivedAt)
    this.wire.copy(copy.wire, 0, 0, this.question.end)
    copy.size = this.size
    copy.id = this.id
    copy.flags = this.flags
    copy.question.assign(this.question)
    copy.edns.assign(this.edns)
    copy.target = this.target
    copyBytes(this.client, 0, copy.client, 0, this.client.length)
    copy.server = this.server
    copy.enter = this.enter
    copy.depth = this.depth
    copy.asker = this.asker
    copy.traceId = this.traceId
    copy.own = this.own
    copy.rewritten = this.rewritten
    copy.options = this.options
    copy.replyOptions = this.replyOptions
    copy.maxUdpSize = this.maxUdpSize
    copy.patience = this.patience
    return copy
  }

  /** Gives a copy back to the pool; does nothing for a socket's own query. */
  release(): void {
    if (!this.kept) return
    keptQueries.give(this.place)
    // A pooled query is not to hold a configuration.
    this.enter = noServer
    this.out = noBytes
    this.memo = null
    this.rewritten = null
    this.options = null
    this.replyOptions = null
    if (pool.length < POOL_LIMIT) pool.push(this)
  }
}

/** More free copies than this are left to the garbage collector. */
const POOL_LIMIT = 1024
const pool: Query[] = []

function newKept(target: ReplyTarget): Query {
  const q = new Query(target)
  // All that is kept of a message.
  q.wire = Buffer.alloc(MAX_QUESTION_END)
  q.client = Buffer.alloc(SOCKADDR_SIZE)
  q.kept = true
  return q
}
