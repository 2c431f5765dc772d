import type { UpstreamConnection } from './upstream-connection.ts'

/** Without a word for this long, with answers owed that nobody waits for: the other end is gone. */
const HUNG_MS = 2000
/** Connections that slow names needed live this long after. */
const SHRINK_MS = 2000
/** A connection that ends so soon was not cut for having been idle. */
const FRESH_MS = 100
/** A connection that never answered, where others do, was rather not accepted than ended by its query. */
const REFUSAL = 1 / 4

/** The connections of a pool, oldest first, those included that are being opened. */
export class Connections {
  /** How many are connected. */
  ready = 0
  /** Replies that those put aside owe, members left out, as of the last look. */
  owedAside = 0
  #all: UpstreamConnection[] = []
  #prompt: UpstreamConnection[] = []
  #aside = 0

  get count(): number {
    return this.#all.length
  }

  get all(): readonly UpstreamConnection[] {
    return this.#all
  }

  add(c: UpstreamConnection): void {
    this.#all.push(c)
  }

  /** A dial has succeeded. */
  connected(c: UpstreamConnection): void {
    this.ready++
    this.#prompt.push(c)
  }

  remove(c: UpstreamConnection): void {
    if (c.readyAt > 0) this.ready--
    this.#all = this.#all.filter((other) => other !== c)
    if (c.isAside) this.#aside--
    else this.#prompt = this.#prompt.filter((other) => other !== c)
  }

  /**
   * Those that were not late when they were last looked at, or have answered since: where names are slow, a few of
   * many. The longer a connection is silent, the less is it worth to be looked at for each query.
   */
  get prompt(): readonly UpstreamConnection[] {
    return this.#prompt
  }

  /** How many owe an answer: all that are aside, and of the others some. */
  get busy(): number {
    return this.#prompt.reduce((sum, c) => sum + (c.owed > 0 ? 1 : 0), this.#aside)
  }

  /** Puts those aside for which `isLate` is true. Returns them. */
  setAside(isLate: (c: UpstreamConnection) => boolean): UpstreamConnection[] {
    for (const c of this.#all) c.isAside = isLate(c)
    const late = this.#all.filter((c) => c.isAside)
    this.#prompt = this.#all.filter((c) => c.isReady && !c.isAside)
    this.#aside = late.length
    // Members are looked at for each query, late or not.
    this.owedAside = late.reduce((sum, c) => sum + (c.isMember ? 0 : c.owed), 0)
    return late
  }

  /** `c` has answered. True where it had been put aside. */
  answered(c: UpstreamConnection): boolean {
    if (!c.isAside) return false
    c.isAside = false
    this.#aside--
    this.#prompt.push(c)
    return true
  }

  /** The most answers that one of them gave. */
  get mostAnswers(): number {
    return this.#all.reduce((most, { answers }) => Math.max(most, answers), 0)
  }

  /** Whether one is of use: it has answered something, or a query is on its way. */
  get isUsed(): boolean {
    return this.#all.some(({ answers, owed }) => answers > 0 || owed > 0)
  }

  /** Those silent for longer than anybody waits. */
  hopeless(now: number): UpstreamConnection[] {
    return this.#all.filter((c) => c.isSilent(now, HUNG_MS))
  }

  /** How many have answered something. */
  get proven(): number {
    return this.countServed(() => false)
  }

  /** Whether `c` has answered, or lived long enough to end for another reason than our query. */
  isSeasoned({ answers, readyAt }: UpstreamConnection, now: number): boolean {
    return answers > 0 || now - readyAt > FRESH_MS
  }

  /** How much of a move it counts for its oldest query that `c` has ended: up to 1. */
  blame({ answers }: UpstreamConnection): number {
    return answers === 0 && this.proven > 0 ? REFUSAL : 1
  }

  /** How many have answered something or are at work on a query: `isLate` tells. */
  countServed(isLate: (c: UpstreamConnection) => boolean): number {
    return this.#all.reduce((sum, c) => sum + (c.answers > 0 || isLate(c) ? 1 : 0), 0)
  }

  /**
   * Whether the upstream may not have accepted this connection although the kernel has: it takes only
   * so many at a time, and none that was opened later has answered, where an older one has.
   */
  mayBeUnaccepted(c: UpstreamConnection): boolean {
    if (c.answers > 0) return false
    const place = this.#all.indexOf(c)
    return this.#all.some(({ answers }) => answers > 0) && !this.#provenAfter(place)
  }

  #provenAfter(place: number): boolean {
    return this.#all.findLastIndex(({ answers }) => answers > 0) > place
  }

  /** From here on answers have to make room again. */
  narrow(): void {
    for (const c of this.#all) c.window = 1
  }

  /** Closes those that are idle for too long, too many, or hung. */
  sweep(now: number, few: number, maxIdle: number, expire: number): void {
    let idle = 0
    this.#all.forEach((c, place) => {
      if (!c.isReady || !c.isIdle) return
      const age = now - c.usedAt
      const surplus = (maxIdle > 0 && ++idle > maxIdle) || (place >= few && age >= SHRINK_MS)
      if (surplus || age >= expire || c.isSilent(now, HUNG_MS)) c.destroy()
    })
  }

  /** More than `enough` are of no use: further ones take no more queries, but for those that share them. */
  trim(enough: number): void {
    for (const c of this.#all.slice(enough)) {
      if (!c.isReady || c.isMember || c.isRetired) continue
      c.isRetired = true
      if (c.isIdle) c.destroy()
    }
  }

  /** Closes those that are too old and idle. */
  retire(now: number): void {
    for (const c of this.#all) if (c.isIdle && c.isAged(now)) c.destroy()
  }

  closeIdle(): void {
    for (const c of this.#all) if (c.isIdle) c.destroy()
  }
}
