import type { Exchange } from './exchange.ts'
import type { Verdict } from './reply-check.ts'

/** Who opened a connection `C`. */
export interface ConnectionOwner<C> {
  /** Whether the upstream answers in order, as far as is known: what was not answered then was dropped. */
  readonly keepsOrder: boolean
  connected(c: C): void
  received(x: Exchange, reply: Buffer, length: number, verdict: Verdict): void
  /** An answer came before that of an older query. `certain`: the older one has been answered too. */
  overtaken(certain: boolean): void
  /** All that lay ready has been read: `count` answers, `elapsed` ms after those before them. */
  answered(c: C, count: number, elapsed: number): void
  /** It is over, or never came to be; `c.takeAll()` gives those who still wait on it. */
  closed(c: C, code: string | null): void
}
