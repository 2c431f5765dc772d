import { Rcode } from '../wire/codes.ts'
import { rcodeOf, readFlags } from '../wire/header.ts'
import { echoesQuestion } from '../wire/question.ts'
import { failure, found, noData, noName, type Outcome, rcodeOutcome, timedOut } from './client.ts'
import type { Asked } from './message.ts'
import type { PacketCounts } from './packet-counts.ts'
import { BATCH, type RawPort } from './raw-ports.ts'

const IDS = 0x1_0000
/** `#from` of an id that is free. */
const FREE = -1

/** Told of each query that has ended. @param from when its latency begins */
export type Ended = (from: number, outcome: Outcome) => void

/** Queries under way at once on one socket: fewer than ids, so that late answers meet a free one. */
const MAX_WINDOW: number = IDS / 2

/**
 * A socket's queries under way, by id. Ids are taken in a circle, so that the oldest query is found without
 * a search:
 *
 *     ids   0 │ … answered … │ under way … │ free … │ 65535
 *                              ↑ oldest       ↑ next
 */
export class RawSocket {
  underWay = 0
  readonly #port: RawPort
  readonly #queries: readonly Asked[]
  readonly #packets: PacketCounts
  readonly #timeoutMs: number
  readonly #ended: Ended
  readonly #from = new Float64Array(IDS).fill(FREE)
  readonly #sentAt = new Float64Array(IDS)
  readonly #query = new Uint32Array(IDS)
  #next = 0
  #oldest = 0

  constructor(
    port: RawPort,
    queries: readonly Asked[],
    packets: PacketCounts,
    timeoutMs: number,
    ended: Ended,
  ) {
    this.#port = port
    this.#queries = queries
    this.#packets = packets
    this.#timeoutMs = timeoutMs
    this.#ended = ended
  }

  /** Ends what has been answered; a batch at most. Returns how many datagrams came. */
  receive(): number {
    const { count, error } = this.#port.receive(this.#take)
    if (error !== null) this.#endOldest(failure(error))
    return count
  }

  /** Ends what nobody will answer any more. */
  expire(now: number): void {
    while (this.underWay > 0 && this.#isOver(this.#oldest, now)) {
      if (this.#from[this.#oldest] !== FREE) this.#end(this.#oldest, timedOut)
      this.#oldest = (this.#oldest + 1) % IDS
    }
  }

  /**
   * Sends up to `count` queries, a batch at most; returns how many were sent or failed.
   *
   * @param query index of the first; they go on in a circle
   * @param from gives the time from which the i-th one's latency counts
   */
  send(count: number, query: number, now: number, from: (i: number) => number): number {
    const most = Math.min(count, BATCH, MAX_WINDOW - this.underWay)
    let placed = 0
    while (placed < most) {
      const id = (this.#next + placed) % IDS
      // A query from a round ago still waits: its answer would be taken for another's.
      if (this.#from[id] !== FREE) break
      const index = (query + placed) % this.#queries.length
      this.#port.put(placed, this.#queries[index]!.query, id)
      this.#query[id] = index
      placed++
    }
    if (placed === 0) return 0
    const { sent, error } = this.#port.send(placed)
    for (let i = 0; i < sent; i++) {
      const id = (this.#next + i) % IDS
      this.#from[id] = from(i)
      this.#sentAt[id] = now
    }
    if (this.underWay === 0) this.#oldest = this.#next
    this.#next = (this.#next + sent) % IDS
    this.underWay += sent
    this.#packets.sent += sent
    if (error === null || error === '') return sent
    // A pending error of the socket belongs to a query before, unless there is none.
    if (this.underWay > 0) this.#endOldest(failure(error))
    else {
      this.#ended(from(sent), failure(error))
      return sent + 1
    }
    return sent
  }

  close(): void {
    this.#port.close()
  }

  readonly #take = (bytes: Buffer, length: number): void => {
    this.#packets.received++
    const id = length < 12 ? 0 : (bytes[0]! << 8) | bytes[1]!
    const { query, question } = this.#queries[this.#query[id]!]!
    if (this.#from[id] === FREE || !echoesQuestion(bytes, length, query, question)) {
      this.#packets.rejected++
      return
    }
    const rcode = rcodeOf(readFlags(bytes))
    if (rcode === Rcode.NoError) this.#end(id, bytes[6] === 0 && bytes[7] === 0 ? noData : found)
    else this.#end(id, rcode === Rcode.NXDomain ? noName : rcodeOutcome(rcode))
  }

  /** Whether nothing is to be waited for under this id. */
  #isOver(id: number, now: number): boolean {
    return this.#from[id] === FREE || now - this.#sentAt[id]! >= this.#timeoutMs
  }

  #endOldest(outcome: Outcome): void {
    while (this.underWay > 0 && this.#from[this.#oldest] === FREE) {
      this.#oldest = (this.#oldest + 1) % IDS
    }
    if (this.underWay > 0) this.#end(this.#oldest, outcome)
  }

  #end(id: number, outcome: Outcome): void {
    const from = this.#from[id]!
    this.#from[id] = FREE
    this.underWay--
    this.#ended(from, outcome)
  }
}
