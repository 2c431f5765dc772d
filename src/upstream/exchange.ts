import { Timer } from '../lib/timer-wheel.ts'
import { Question } from '../wire/question.ts'
import type { Records } from '../wire/records.ts'
import { type Result, Transport } from './counters.ts'

/** Where an exchange stands. */
export const ExchangeState = {
  Idle: 0,
  /** Waits until its upstream may be tried again. */
  Held: 1,
  /** Asked; its timeout runs. */
  Asked: 2,
  /** Its timeout is over; an answer is still welcome. */
  Late: 3,
} as const
export type ExchangeState = (typeof ExchangeState)[keyof typeof ExchangeState]

/** Who wants the answer. Each exchange ends in exactly one call of `replied` or `failed`. */
export interface ExchangeOwner {
  /**
   * The answer: `reply[0..records.end)`, checked against the question and scanned. Both are
   * borrowed until this returns.
   */
  replied(x: Exchange, reply: Buffer, records: Records): void
  /** No answer within the timeout. The exchange goes on: it may be joined by another one. */
  delayed(x: Exchange): void
  /** There will be no answer; `x.result` tells why. */
  failed(x: Exchange): void
}

/** The upstream of an exchange, as the exchange sees it. */
export interface ExchangeHost {
  expired(x: Exchange): void
  cancelled(x: Exchange): void
}

/** What holds an exchange while it waits: a connection, a socket, or the queue for one. */
export interface Carrier {
  /** Forgets the exchange; its answer, should it come, is ignored. */
  abandon(x: Exchange): void
}

const noBytes: Buffer = Buffer.alloc(0)

/** One query at one upstream. Owned by whoever asks, of one shape, used again for other queries. */
export class Exchange {
  readonly owner: ExchangeOwner
  readonly timer: Timer
  state: ExchangeState = ExchangeState.Idle

  /** A message that contains the question, at the usual place. Must stay until the exchange ends. */
  query: Buffer = noBytes
  question: Question = new Question()
  /** The client's flags word: RD and CD go upstream. */
  flags = 0
  dnssecOk = false
  /** Whether the query carries OPT; the upstream decides. */
  edns = true

  transport: Transport = Transport.Udp
  host: ExchangeHost | null = null
  carrier: Carrier | null = null
  /** Position of its upstream in the owner's list. */
  index = 0
  id = 0
  /** Clock time of the first asking (the dial counts), and of the latest sending. */
  askedAt = 0
  sentAt = 0
  /** Milliseconds until it is late. */
  timeout = 0
  /** Only connections that have answered since this time may carry it; 0: any. */
  provenSince = 0
  /** Whether it has been sent again already because its connection ended. */
  moved = false
  /** Position in the queue for a connection. */
  ticket = 0
  result: Result = 0
  /** The system's word for what went wrong, e.g. ECONNREFUSED; null where there is none. */
  code: string | null = null

  constructor(owner: ExchangeOwner) {
    this.owner = owner
    this.timer = new Timer(() => {
      this.host?.expired(this)
    })
  }

  /** Ends the exchange without telling its owner. Does nothing where it is over. */
  cancel(): void {
    if (this.state !== ExchangeState.Idle) this.host?.cancelled(this)
  }
}
