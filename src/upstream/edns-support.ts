import { Rcode } from '../wire/codes.ts'
import { readCount, Section } from '../wire/header.ts'
import { type Exchange, ExchangeState } from './exchange.ts'

/** How long a server that seems to know no EDNS is asked without, at first and at most. */
const FIRST_PLAIN_MS = 1000
const LONGEST_PLAIN_MS = 5 * 60_000
/** While one query finds out whether it does after all, the others wait no longer for that. */
const TRIAL_MS = 2000

/**
 * What is known about an upstream and EDNS. One name proves nothing against it: the upstream may be
 * a forwarder to many servers, of which one is old. Once it has answered a query with OPT, every query
 * carries OPT. Until then, queries go without while there is reason to, but for those that need it.
 *
 *     unknown ──an answer to a query with OPT──▶ supported, for good
 *      │   ▲
 *      │   └─ after 1 s, 2 s, … 5 min one query has OPT again ──┐
 *      ▼                                                        │
 *     suspected (refused, or no answer) ──an answer without──▶ plain
 */
export class EdnsSupport {
  #supported = false
  #suspected = false
  #plainUntil = 0
  #pause: number = FIRST_PLAIN_MS

  /** Whether the next query carries OPT, which it may need for DO or for options. `now` is `Clock.now`. */
  offer(now: number, needsOpt: boolean): boolean {
    if (this.#supported || needsOpt) return true
    if (this.#suspected || now < this.#plainUntil) return false
    if (this.#plainUntil > 0) this.#plainUntil = now + TRIAL_MS
    return true
  }

  /** A query with OPT was answered. */
  answered(): void {
    this.#supported = true
  }

  /** A query with OPT was refused, or not answered in time. */
  suspect(): void {
    this.#suspected = true
  }

  /**
   * A query without OPT was answered, or met an error as well. Where one with it was not answered, OPT
   * is the likely reason, or was not.
   */
  answeredPlain(now: number, good: boolean): void {
    if (!this.#suspected) return
    this.#suspected = false
    if (!good) return
    this.#plainUntil = now + this.#pause
    this.#pause = Math.min(2 * this.#pause, LONGEST_PLAIN_MS)
  }
}

/**
 * Whether it may be for its OPT that a query met an error, as with servers that know no EDNS
 * (RFC 6891 §7). A forwarder passes on what such a server said, with an OPT of its own. Other errors
 * than FORMERR and NOTIMP have other reasons as well: then OPT must be missing, and there must be time
 * to ask again.
 */
export function refusesOpt(x: Exchange, reply: Buffer, length: number, rcode: number): boolean {
  if (rcode === Rcode.FormErr || rcode === Rcode.NotImp) return true
  const vague = rcode === Rcode.ServFail || rcode === Rcode.Refused
  return vague && !hasAdditional(x, reply, length) && x.state === ExchangeState.Asked
}

/** Whether the server knew the answer. */
export function isGood(rcode: number): boolean {
  return rcode === Rcode.NoError || rcode === Rcode.NXDomain
}

/** Whether there are records where OPT would be. Old servers copy the query's count and write none. */
export function hasAdditional({ question }: Exchange, reply: Buffer, length: number): boolean {
  return readCount(reply, Section.Additional) > 0 && length > question.end
}
