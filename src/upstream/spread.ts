import { ITSELF } from './backends.ts'
import { WARM } from './growth.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Servers behind one address that are held at once; where there are more, in turns. */
const MOST_BACKENDS = 4
/**
 * Connections where nothing tells servers apart, and the pace at which others follow. Where each connection leads
 * is chance: only the number of throws makes chance fair, and connections that live for seconds are many throws.
 * Of three servers each has a fifth of a minute's queries in 997 of 1,000 minutes; with one more each 12 s it was
 * 370. A handshake in clear, for 64 queries at least, is little.
 */
const UNTOLD = 5
const UNTOLD_MS = 500
const UNTOLD_QUERIES = 64
/** From one new connection to the next, where queries come; to a single server; and while servers are looked for. */
const ROUND_MS = 12_000
const SINGLE_MS = 30_000
const CURIOUS_MS = 2_000
/** New connections after a server that was not known: others may have come with it. */
const CURIOUS = 8
/** How long a server is known, and how many are. */
const FORGOTTEN_MS = 300_000
const MOST_SEEN = 1000
/** A connection this old should be followed by another to its server, and one so old ends without. */
const OLD_MS = 60_000
const OLDEST_MS = 120_000
const OVERDUE_MS = 5_000
/** Each time is up to a fifth longer or shorter: nodes must not dial together. */
const JITTER = 1 / 5
/** Fewer queries than this are worth no other connection. */
const FEW_QUERIES = 16
/** Doublings of the pause after new connections that came to nothing: 12 s become half an hour, 0.5 s a minute. */
const MOST_PAUSES = 7

/**
 * The connections of a pool that share its queries, and when another one takes the place of the oldest.
 *
 * Behind a Service's address kube-proxy gives each connection a pod by chance, for good: a pod that comes
 * later would get no query for as long as connections live. So every 12 s, while queries come, another one is
 * opened; when it has answered, an older one takes no more queries and ends with its last answer.
 *
 *     connection tracking tells the pods apart    one connection to each, up to four
 *     it does not                                 five connections, followed each half a second
 *     the address is translated to nothing        two, as there is one server
 *
 * Who is new takes the place of the oldest connection to the same pod. One that no new connection has come to
 * for two minutes is not among those of the Service any more.
 */
export class Spread {
  /** In the order they came. */
  readonly members: UpstreamConnection[] = []
  readonly #maxIdle: number
  readonly #isCostly: boolean
  readonly #jitter: () => number
  #next = 0
  /** The next connection is due at this clock time, after so many queries. */
  #dueAt = Infinity
  #dueAfter = FEW_QUERIES
  #asked = 0
  #curious = 0
  /** Servers that connections led to, and when they last did. */
  readonly #seen = new Map<string, number>()
  #pauses = 0

  /**
   * @param maxIdle no more connections than this are kept; 0: no limit
   * @param isCostly whether connections are encrypted
   * @param random 0 to 1
   */
  constructor(maxIdle: number, isCostly = false, random: () => number = Math.random) {
    this.#maxIdle = maxIdle
    this.#isCostly = isCostly
    this.#jitter = () => 1 - JITTER + 2 * JITTER * random()
  }

  /** The place of the member that is to be looked at first. Each is in turn. */
  turn(): number {
    if (++this.#next >= this.members.length) this.#next = 0
    return this.#next
  }

  /** A query is asked. True where another connection is due. */
  asked(now: number): boolean {
    return ++this.#asked >= this.#dueAfter && now >= this.#dueAt
  }

  /** A connection is being opened, to follow another one or because there are few. */
  dialled(isSuccessor: boolean, now: number): void {
    if (!isSuccessor && this.members.length >= WARM) return
    this.#asked = 0
    this.#schedule(now)
  }

  #schedule(now: number): void {
    const pause = this.#pause(now)
    this.#dueAt = now + pause * this.#jitter() * 2 ** this.#pauses
    this.#dueAfter = pause === UNTOLD_MS ? UNTOLD_QUERIES : FEW_QUERIES
  }

  #pause(now: number): number {
    const { members } = this
    if (this.#curious > 0) return CURIOUS_MS
    if (members.some(({ backend }) => backend === null)) {
      if (members.length < this.#atMost(UNTOLD)) return CURIOUS_MS
      return this.#isCostly ? ROUND_MS : UNTOLD_MS
    }
    if (members.length > 0 && members.every(({ backend }) => backend === ITSELF)) return SINGLE_MS
    const isOld = members.some((c) => now - c.readyAt > OLD_MS)
    return isOld ? OVERDUE_MS : ROUND_MS
  }

  /** A connection is ready: it shares the queries where it was opened for that, or where there are few. */
  joined(c: UpstreamConnection): void {
    if (!c.isSuccessor && this.members.length >= WARM) return
    c.findBackend()
    this.#curious = this.#isNews(c.backend, c.readyAt) ? CURIOUS : Math.max(this.#curious - 1, 0)
    c.isMember = true
    this.members.push(c)
    this.#schedule(c.readyAt)
  }

  #isNews(backend: string | null, now: number): boolean {
    if (backend === null || backend === ITSELF) return false
    const before = this.#seen.get(backend)
    if (this.#seen.size >= MOST_SEEN) this.#seen.clear()
    this.#seen.set(backend, now)
    return before === undefined || now - before > FORGOTTEN_MS
  }

  /** A connection is over, or came to nothing. `others` are those there still are. */
  left(c: UpstreamConnection, others: readonly UpstreamConnection[]): void {
    const isUseless = c.answers === 0 && (c.readyAt === 0 || c.sent > 0 || c.wasCut)
    if (c.isSuccessor && isUseless) this.#pauses = Math.min(this.#pauses + 1, MOST_PAUSES)
    this.#remove(c)
    if (this.members.length >= WARM) return
    const instead = others.find((one) => one.isReady && !one.isRetired && !one.isMember)
    if (instead !== undefined) this.joined(instead)
  }

  /** `c` gave its first answer: who it takes the place of, which are members no more. */
  proven(c: UpstreamConnection, now: number): UpstreamConnection[] {
    if (!c.isMember) return []
    this.#pauses = 0
    const gone: UpstreamConnection[] = []
    for (let one = this.#surplus(now); one !== null; one = this.#surplus(now)) {
      this.#remove(one)
      gone.push(one)
    }
    return gone
  }

  /** Those of `all` that slow names have needed are not used for ever either. */
  age(all: readonly UpstreamConnection[], now: number): void {
    for (const c of all) {
      if (c.isReady && !c.isMember && now - c.readyAt > OLDEST_MS) c.isRetired = true
    }
  }

  #remove(c: UpstreamConnection): void {
    const place = this.members.indexOf(c)
    if (place < 0) return
    c.isMember = false
    this.members.splice(place, 1)
  }

  /** The next one that is not needed any more, or null. */
  #surplus(now: number): UpstreamConnection | null {
    const { members } = this
    const [oldest] = members
    if (oldest === undefined || members.length === 1) return null
    const held = Map.groupBy(members, ({ backend }) => backend)
    const isTold = !held.has(null) && !held.has(ITSELF)
    if (isTold && now - oldest.readyAt > OLDEST_MS) return oldest
    if (members.length <= this.#wanted(held)) return null
    if (!isTold) return oldest
    const groups = [...held.values()]
    // Of equals the first is the one with the oldest connection.
    return groups.reduce((most, group) => (group.length > most.length ? group : most))[0]!
  }

  /** How many members there are to be. */
  #wanted(held: ReadonlyMap<string | null, unknown>): number {
    if (held.has(null)) return this.#atMost(UNTOLD)
    if (held.has(ITSELF)) return WARM
    return this.#atMost(Math.max(WARM, Math.min(held.size, MOST_BACKENDS)))
  }

  #atMost(count: number): number {
    return this.#maxIdle > 0 ? Math.min(count, Math.max(this.#maxIdle, WARM)) : count
  }
}
