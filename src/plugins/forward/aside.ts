import type { Query } from '../../serve/query.ts'
import { ask } from '../../upstream/ask.ts'
import type { Transport } from '../../upstream/counters.ts'
import { random16 } from '../../upstream/random.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import { Flag, Rcode, typeName } from '../../wire/codes.ts'
import { rcodeOf, readCount, readFlags, Section } from '../../wire/header.ts'
import { writeQueryHeader } from '../../wire/query.ts'
import type { ErrandRules } from './errand-rules.ts'
import { wordsFor } from './failure.ts'

/** CoreDNS's, for the dial and the answer. */
const PATIENCE_MS = 2_000

/**
 * Asks upstreams what the daemon itself wants to know (`Query.asker`), over a socket of the
 * question's own. Many upstreams drop such questions, which tells nothing about them: no round trip
 * is measured, no health check begins, no connection counts as blocked, and no client's query waits
 * behind one. An upstream that kept silent over a transport is not asked over it again. A reply is
 * its header: the answer has the rcode, and no records.
 */
export class Aside {
  readonly #rules: ErrandRules
  /** What came of an upstream and transport that gave no answer. */
  readonly #mute = new Map<string, string>()
  readonly #stopped = new AbortController()

  constructor(rules: ErrandRules) {
    this.#rules = rules
  }

  /** Begins with a kept query. */
  ask(q: Query, upstreams: readonly Upstream[], transport: Transport): void {
    const order: number[] = []
    if (upstreams.length > 0) this.#rules.policy(order, upstreams.length)
    const inOrder = order.map((index) => upstreams[index]!)
    void this.#askOneByOne(q, inOrder, transport)
    // What Node leaves to process.nextTick begins at the end of this turn.
    this.#rules.context.turn.endLater()
  }

  /** Ends the questions under way without an answer. */
  stop(): void {
    this.#stopped.abort()
  }

  async #askOneByOne(
    q: Query,
    upstreams: readonly Upstream[],
    transport: Transport,
  ): Promise<void> {
    const failures: string[] = []
    let reply: Buffer | null = null
    for (const upstream of upstreams) {
      const said = await this.#askOne(q, upstream, transport)
      if (typeof said === 'string') failures.push(said)
      else {
        reply = said
        if ((this.#rules.failover & rcodeBit(said)) === 0) break
      }
    }
    this.#rules.context.clock.refresh()
    this.#end(q, reply, failures.join(', ') || 'no upstream to ask')
  }

  #end(q: Query, reply: Buffer | null, failure: string): void {
    const { done, next, nextForward, nextOnNodata } = this.#rules
    if (nextForward !== null && reply !== null) {
      const bit = rcodeBit(reply)
      const nodata = bit === 1 << Rcode.NoError && readCount(reply, Section.Answer) === 0
      if ((next & bit) !== 0 || (nextOnNodata && nodata)) {
        nextForward(q)
        return
      }
    }
    if (reply === null) q.fail(Rcode.ServFail, failure)
    else q.fail(rcodeOf(readFlags(reply)))
    q.answeredBy = 'forward'
    done(q)
  }

  /** The upstream's reply, its header at least, or why there is none. */
  async #askOne(q: Query, upstream: Upstream, transport: Transport): Promise<Buffer | string> {
    const { name } = upstream
    const key = `${name} ${upstream.over(transport)}`
    const before = this.#mute.get(key)
    if (before !== undefined) return before
    const to = upstream.destination(transport)
    const { signal } = this.#stopped
    try {
      return await ask(to, queryOf(q), { timeoutMs: PATIENCE_MS, signal })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const type = typeName(q.question.type)
      const why =
        code === undefined
          ? `${name} does not answer ${type}`
          : `${name} cannot be asked for ${type}: ${wordsFor(code)}`
      this.#mute.set(key, why)
      return why
    }
  }
}

/** As the sets of rcodes in the rules have it. */
function rcodeBit(reply: Buffer): number {
  return 1 << rcodeOf(readFlags(reply))
}

/** The question under an id of its own, without EDNS. */
function queryOf({ wire, question, flags }: Query): Buffer {
  const query = Buffer.copyBytesFrom(wire, 0, question.end)
  writeQueryHeader(query, 0, random16(), flags & (Flag.RD | Flag.CD))
  return query
}
