import { Rcode } from '../../wire/codes.ts'
import { rcodeOf, readFlags } from '../../wire/header.ts'

/** Rcodes, as a bit set, that a server with too much to do has for one query and not for the same one before it. */
const UNSURE = (1 << Rcode.ServFail) | (1 << Rcode.Refused)

/** The reply that an errand gives if there is no better one. */
export class KeptReply {
  readonly #rejected: number
  #reply: Buffer | null = null

  /** @param failover rcodes for which another upstream is asked, as a bit set */
  constructor(failover: number) {
    this.#rejected = failover | UNSURE
  }

  /** Whether another upstream, or another attempt, may have a better reply than one with this rcode. */
  isRejected(rcode: number): boolean {
    return (this.#rejected & (1 << rcode)) !== 0
  }

  /** Keeps a copy of `reply[0..length)`, unless there is a reply that is no worse. True where it is kept. */
  keep(reply: Buffer, length: number): boolean {
    if (this.#reply !== null && !this.isRejected(rcodeOf(readFlags(this.#reply)))) return false
    this.#reply = Buffer.copyBytesFrom(reply, 0, length)
    return true
  }

  /** The reply, or null. */
  get(): Buffer | null {
    return this.#reply
  }

  clear(): void {
    this.#reply = null
  }
}
