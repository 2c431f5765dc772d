import type { Carrier, Exchange } from './exchange.ts'
import type { Shares } from './shares.ts'

/** More than this many queries do not wait for one upstream. */
const CAPACITY = 16_384
/** What became of one who waits when its turn came. */
export const Given = {
  /** It has a place, and has left the list. */
  Place: 0,
  /** It has none, for a reason of its own: others go on. */
  Passed: 1,
  /** There is no place for anybody. */
  Nothing: 2,
} as const
export type Given = (typeof Given)[keyof typeof Given]

/** Those of one client, oldest first. */
class Line {
  client = 0
  first: Exchange | null = null
  last: Exchange | null = null
  /** Its neighbours in the ring of lines. */
  next: Line = this
  previous: Line = this
  /** The latest pass over the list, and who is to be offered a place next in it. */
  pass = 0
  at: Exchange | null = null
}

/**
 * Exchanges that wait until a socket can carry them. Clients take turns, each with its oldest: who asks little
 * waits for one query of each other client at most, however many these have here.
 *
 *     turn ─▶ client A: a1 ─ a2 ─ a3 ─ …          next: a1, b1, c1, a2, c2 …
 *       ┌───▶ client B: b1
 *       └──── client C: c1 ─ c2
 */
export class WaitingList implements Carrier {
  readonly #lines = new Map<number, Line>()
  /** Whose turn it is; null where nobody waits. */
  #turn: Line | null = null
  /** One that was emptied: most clients wait with one query, again and again. */
  #spare: Line | null = null
  #pass = 0
  size = 0

  get full(): boolean {
    return this.size >= CAPACITY
  }

  /** @param now clock time, from which the wait counts */
  add(x: Exchange, now: number): void {
    const line = this.#lines.get(x.client) ?? this.#open(x.client)
    x.previous = line.last
    if (line.last === null) line.first = x
    else line.last.next = x
    line.last = x
    x.carrier = this
    x.sentAt = 0
    x.queuedAt = now
    this.size++
  }

  /** Joins the ring behind all others. */
  #open(client: number): Line {
    const line = this.#spare ?? new Line()
    this.#spare = null
    line.client = client
    line.pass = 0
    const turn = (this.#turn ??= line)
    line.next = turn
    line.previous = turn === line ? line : turn.previous
    line.previous.next = turn.previous = line
    this.#lines.set(client, line)
    return line
  }

  #close(line: Line): void {
    this.#lines.delete(line.client)
    line.previous.next = line.next
    line.next.previous = line.previous
    if (this.#turn === line) this.#turn = line.next === line ? null : line.next
    line.next = line.previous = line
    line.at = null
    this.#spare = line
  }

  /** The one whose turn it is, or null. */
  first(): Exchange | null {
    return this.#turn === null ? null : this.#turn.first
  }

  /** Takes `x` out. If its turn it was, that is over. */
  cancel(x: Exchange): void {
    const line = this.#lines.get(x.client)!
    if (this.#turn === line && line.first === x) this.#turn = line.next
    if (line.at === x) line.at = x.next
    if (x.previous === null) line.first = x.next
    else x.previous.next = x.next
    if (x.next === null) line.last = x.previous
    else x.next.previous = x.previous
    x.previous = x.next = x.carrier = null
    this.size--
    if (line.first === null) this.#close(line)
  }

  /**
   * Offers places in turn, to each at most once. Returns whether there may be more.
   * @param give takes those out of the list that get one
   */
  serve(give: (x: Exchange) => Given): boolean {
    const pass = ++this.#pass
    for (let passed = 0; passed < this.#lines.size; passed++) {
      const line = this.#turn!
      const given = this.#offer(line, pass, give)
      if (given === Given.Nothing) return false
      if (given === Given.Place) passed = -1
      if (this.#turn === line) this.#turn = line.next
    }
    return true
  }

  /** Offers a place to those of one client, until one has it. */
  #offer(line: Line, pass: number, give: (x: Exchange) => Given): Given {
    if (line.pass !== pass) {
      line.pass = pass
      line.at = line.first
    }
    for (let x = line.at; x !== null; x = line.at) {
      const given = give(x)
      if (given !== Given.Passed) return given
      line.at = x.next
    }
    return Given.Passed
  }

  /** Those who wait, oldest first. */
  all(): Exchange[] {
    const all: Exchange[] = []
    for (const { first } of this.#lines.values()) {
      for (let x = first; x !== null; x = x.next) all.push(x)
    }
    return all.sort((a, b) => a.queuedAt - b.queuedAt)
  }

  /** Empties the list: what is handed on may well come back into it. */
  takeAll(): Exchange[] {
    return this.takeOlder(Infinity)
  }

  /** Takes those out who have waited since `before` or longer. */
  takeOlder(before: number): Exchange[] {
    const older = this.all().filter(({ queuedAt }) => queuedAt <= before)
    for (const x of older) this.cancel(x)
    return older
  }

  /** Takes those out whose clients are among these. */
  takeOf(clients: { has(client: number): boolean }): Exchange[] {
    const theirs: Exchange[] = []
    for (const { client, first } of this.#lines.values()) {
      if (!clients.has(client)) continue
      for (let x = first; x !== null; x = x.next) theirs.push(x)
    }
    for (const x of theirs) this.cancel(x)
    return theirs
  }
}

/** Those who wait for a connection: crowds (see `Shares`) in a line of their own, behind all others. */
export class WaitingLines {
  readonly others: WaitingList = new WaitingList()
  readonly crowds: WaitingList = new WaitingList()
  readonly #shares: Shares

  constructor(shares: Shares) {
    this.#shares = shares
  }

  get size(): number {
    return this.others.size + this.crowds.size
  }

  get full(): boolean {
    return this.others.full || this.crowds.full
  }

  /** @param now clock time, from which the wait counts */
  add(x: Exchange, now: number): void {
    const line = this.#shares.isCrowd(x) ? this.crowds : this.others
    line.add(x, now)
  }

  /** Who is before `x`, or null. */
  before(x: Exchange): Exchange | null {
    return this.others.first() ?? (this.#shares.isCrowd(x) ? this.crowds.first() : null)
  }

  /** Sends those back to their line who have become crowds. */
  sort(): void {
    for (const x of this.others.takeOf(this.#shares.crowds)) this.crowds.add(x, x.queuedAt)
  }

  /** Offers places to the others and, where there are more, to crowds. */
  serve(give: (x: Exchange) => Given): void {
    if (this.others.serve(give)) this.crowds.serve(give)
  }

  /** Takes those out of both lines who have waited since `before` (clock time) or longer. */
  takeOlder(before: number): Exchange[] {
    return [...this.others.takeOlder(before), ...this.crowds.takeOlder(before)]
  }

  /** Empties both lines: what is handed on may well come back. */
  takeAll(): Exchange[] {
    return [...this.others.takeAll(), ...this.crowds.takeAll()]
  }
}
