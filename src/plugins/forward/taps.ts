import type { BlockContext, Stage } from '../../serve/plugin.ts'
import { spectator } from '../../serve/spectator.ts'
import type { Query } from '../../serve/query.ts'
import { transportNames } from '../../upstream/counters.ts'
import { type Exchange, ExchangeState } from '../../upstream/exchange.ts'
import { MAX_QUERY_SIZE, writeQuery } from '../../upstream/query-writer.ts'

/** A query as it was sent is written once more: nobody keeps it. */
const scratch = Buffer.allocUnsafeSlow(MAX_QUERY_SIZE)

type Tap = NonNullable<Stage['exchanged']>

/** Tells the stages of a block that want to know, and the spectator, what upstreams are asked and answer. */
export class Taps {
  /** Of a block without such stages. */
  static readonly none: Taps = new Taps([])
  readonly #taps: readonly Tap[]

  private constructor(taps: readonly Tap[]) {
    this.#taps = taps
  }

  /** Null where no stage wants to know. */
  static of(stages: BlockContext['stages']): Taps | null {
    const taps = stages.flatMap(({ stage }): Tap[] =>
      stage.exchanged === undefined ? [] : [(q, seen) => stage.exchanged!(q, seen)],
    )
    return taps.length === 0 ? null : new Taps(taps)
  }

  /** Tells of an exchange that was answered, or that failed (`reply` null); of none that was never sent. */
  tell(q: Query, x: Exchange, upstream: string, reply: Buffer | null, length: number): void {
    if (x.sentAt === 0) return
    const seen = {
      upstream,
      transport: transportNames[x.transport],
      local: x.local,
      sentAt: x.sentAt,
      query: scratch.subarray(0, writeQuery(scratch, 0, x)),
      reply: reply === null ? null : reply.subarray(0, length),
    }
    for (const tap of this.#taps) tap(q, seen)
    spectator.exchanged?.(q, seen)
  }

  /** Tells of those that nobody waits for any more. */
  tellUnanswered(
    q: Query,
    exchanges: readonly Exchange[],
    upstreams: readonly { readonly name: string }[],
  ): void {
    for (const x of exchanges) {
      if (x.state !== ExchangeState.Idle) this.tell(q, x, upstreams[x.index]!.name, null, 0)
    }
  }
}
