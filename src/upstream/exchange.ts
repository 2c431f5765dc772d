import { Timer, type TimerWheel } from '../lib/timer-wheel.ts'
import { Question } from '../wire/question.ts'
import { Result, Transport } from './counters.ts'
import type { Verdict } from './reply-check.ts'

/**
 * The payload we take over UDP: fits every path unfragmented (RFC 9715 §3.1). What is larger comes
 * truncated and is asked for again over TCP.
 */
export const UDP_SIZE: number = 1232

/** Another attempt that was refused, or could not be made, is thought of again after this long. */
const REMINDER_MS = 250

/** Where an exchange stands. */
export const ExchangeState = {
  Idle: 0,
  /** Asked, or waiting for a connection; its timeout runs. */
  Asked: 1,
  /** Its timeout is over; an answer is still welcome. */
  Late: 2,
} as const
export type ExchangeState = (typeof ExchangeState)[keyof typeof ExchangeState]

/** Who wants the answer. An exchange ends by `replied` or `failed`, or by its owner's `cancel`. */
export interface ExchangeOwner {
  /**
   * The answer: `reply[0..length)`, borrowed until this returns (the owner may change it), matched
   * with the question but not parsed any further. The exchange is over. False where the message
   * turns out to be broken: then nothing must have happened yet, and `failed` follows.
   */
  replied(x: Exchange, reply: Buffer, length: number): boolean
  /** A truncated answer over UDP, borrowed as above. The exchange goes on over TCP. */
  truncated(x: Exchange, reply: Buffer, length: number): void
  /**
   * No answer within the timeout. The exchange goes on: it may be joined by another one.
   * @param known whether this was said before, and is again after `remind()`
   */
  delayed(x: Exchange, known: boolean): void
  /** There will be no answer; `x.result` and `x.code` tell why. The exchange is over. */
  failed(x: Exchange): void
}

/** The upstream of an exchange, as the exchange and its carriers see it. */
export interface ExchangeHost {
  /** A message for `x`, judged but no Mismatch, borrowed; `x` has no carrier now. */
  received(x: Exchange, reply: Buffer, length: number, verdict: Verdict): void
  /** `x` will not be answered over this transport; it has no carrier now. */
  lost(x: Exchange, result: Result, code: string | null): void
  /** Its timeout is over. */
  expired(x: Exchange): void
  /** A later attempt was answered before this one. */
  beaten(x: Exchange): void
  cancelled(x: Exchange, result: Result): void
}

/** What holds an exchange while it waits: a connection, a socket, or the queue for one. */
export interface Carrier {
  /** Our own address and port, for the text of an error; absent or '' where it is not known. */
  readonly local?: string
  /** Forgets the exchange; its answer, should it come, is ignored. */
  cancel(x: Exchange): void
}

const noBytes: Buffer = Buffer.alloc(0)
const noQuestion: Question = new Question()

/** One query at one upstream. Owned by the caller, of one shape, used again for other queries. */
export class Exchange {
  readonly owner: ExchangeOwner
  readonly timer: Timer
  state: ExchangeState = ExchangeState.Idle

  /** A message that contains the question, at the usual place. Must stay until the exchange ends. */
  query: Buffer = noBytes
  question: Question = noQuestion
  /** The client's flags word: RD and CD go upstream. */
  flags = 0
  dnssecOk = false
  /** EDNS options to send, as they stand in OPT; null for none. */
  options: Buffer | null = null
  /** The payload size to ask with; no more than what we take anyway. */
  udpSize: number = UDP_SIZE
  /** Number of the client it is for, by which places are shared out; −1: ourselves. */
  client = -1
  /** Position of its upstream in the owner's list. */
  index = 0
  /** Whether the same upstream has not answered an earlier attempt of this query. */
  again = false
  /** Whether the next attempt would be a second one at an upstream: there is no other that was not asked. */
  isLast = false
  /**
   * Which further attempt would come after this one: 0 for none, as every query has two per upstream; 1 for the
   * first beyond those. Set where datagrams may get lost.
   */
  further = 0
  /** The connection that keeps an earlier attempt waiting: this one takes another. */
  avoid: Carrier | null = null

  /** From here on set by the upstream. Whether the query carries OPT. */
  edns = true
  transport: Transport = Transport.Udp
  host: ExchangeHost | null = null
  carrier: Carrier | null = null
  id = 0
  /** Number of the query on its connection: 0 for the first one sent. */
  number = 0
  /** Whether it went out in one write with queries before it. */
  isJoined = false
  /** Those of the same client before and after it in the queue for a connection. */
  previous: Exchange | null = null
  next: Exchange | null = null
  /** Clock time since when it has been in that queue; 0 where it never was. */
  queuedAt = 0
  /** Clock time of the first asking (the dial counts). */
  askedAt = 0
  /** Clock time of the latest sending; 0 while it waits for a connection. */
  sentAt = 0
  /** Rcode of an error that came without the question (`Verdict.BareError`), or 0. */
  bareRcode = 0
  /** Whether its timeout has run out after it was sent. */
  late = false
  /** How often it has been sent again because its connection ended; refused connections count less. */
  moved = 0
  /** Whether its carrier got something in place of its answer that is none, and nothing better since. */
  isSpoilt = false
  /** Whether its answer over UDP was cut without saying so. */
  cut = false
  result: Result = 0
  /** The system's word for what went wrong, e.g. ECONNREFUSED; null where there is none. */
  code: string | null = null
  /** Whether `local` is to be known of every query that is sent. */
  tellsLocal = false
  /**
   * Our own address and port, where `tellsLocal`; else as they were when something went wrong over UDP; '' where
   * they are not known.
   */
  local = ''

  constructor(owner: ExchangeOwner) {
    this.owner = owner
    this.timer = new Timer(() => {
      if (this.isSpoilt) this.#giveUp()
      else this.host?.expired(this)
    })
  }

  /** Nothing better has come. */
  #giveUp(): void {
    this.carrier?.cancel(this)
    this.host?.lost(this, Result.Invalid, null)
  }

  /** Tells the upstream where another attempt, `winner`, was sent later and answered first. */
  lostTo(winner: Exchange): void {
    const waits = this.state !== ExchangeState.Idle && this.sentAt > 0
    if (waits && this.sentAt < winner.sentAt) this.host?.beaten(this)
  }

  /** Has its owner told again, a little later, that it is late: what came of that has failed. */
  remind(wheel: TimerWheel): void {
    if (this.state === ExchangeState.Late) wheel.set(this.timer, REMINDER_MS)
  }

  /** Ends the exchange without telling its owner, counted as `result`. Nothing where it is over. */
  cancel(result: Result): void {
    if (this.state !== ExchangeState.Idle) this.host?.cancelled(this, result)
  }
}

/** Ends exchanges that no carrier has any more. */
export function loseAll(all: readonly Exchange[], result: Result, code: string | null): void {
  for (const x of all) x.host?.lost(x, result, code)
}
