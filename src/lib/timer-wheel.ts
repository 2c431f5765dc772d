import type { Clock } from './clock.ts'
import { Link } from './ring.ts'

/** Milliseconds per tick: what a deadline may be late by. */
export const TICK_MS = 10

/** What is done at the next tick and comes so much later was held up: the process had no time for it. */
export const HELD_UP_MS: number = 1.5 * TICK_MS

/** A power of two; 512 ticks are 5.12 s, longer than any deadline of a query. */
const SLOTS = 512

/**
 * One deadline, owned by its user and used again and again: setting and clearing it
 * moves links and allocates nothing.
 */
export class Timer extends Link {
  readonly expired: () => void
  /** The tick it is due at; meaningless while it is not set. */
  due = 0

  /** @param expired called once when the time is up; may set or clear this and any other timer */
  constructor(expired: () => void) {
    super()
    this.expired = expired
  }

  get isSet(): boolean {
    return this.isLinked
  }

  /** Does nothing where the timer is not set. */
  clear(): void {
    this.leave()
  }
}

/**
 * Deadlines for thousands of queries on one interval of Node's. Precision is traded for cost: a
 * timer is never early and at most a tick late (plus what the event loop is late).
 *
 *              now
 *               ↓
 *     slots  | 0 | 1 | 2 | 3 | …  | 511 |     slot = due tick mod 512
 *                      ⇅
 *                      A ⇄ B                  a ring of timers; B may be due a round later
 *
 * The interval runs only while there may be timers: the first one starts it, and it stops at the
 * first tick that finds none, so that an idle daemon does not wake up.
 */
export class TimerWheel {
  readonly #clock: Clock
  readonly #slots: readonly Link[] = Array.from({ length: SLOTS }, () => new Link())
  readonly #firing = new Link()
  readonly #driven: boolean
  #tick: number
  /** Before the sockets were read the last time. */
  #begun = 0
  /** When the event loop went on after it had been held up. */
  #heldUpUntil = -Infinity
  #interval: NodeJS.Timeout | null = null

  /** @param driven false where a test calls advance() itself */
  constructor(clock: Clock, driven = true) {
    this.#clock = clock
    this.#driven = driven
    this.#tick = Math.floor(clock.now / TICK_MS)
  }

  /** Sets `timer` to expire `ms` milliseconds after `clock.now`; one that is set already moves. */
  set(timer: Timer, ms: number): void {
    if (this.#interval === null && this.#driven) this.#start()
    timer.clear()
    // A tick behind is over already: what is due at once comes with the next one.
    timer.due = Math.max(Math.ceil((this.#clock.now + ms) / TICK_MS), this.#tick + 1)
    this.#slots[timer.due & (SLOTS - 1)]!.append(timer)
  }

  /** Expires what is due at `until`, slot by slot. */
  advance(until: number = this.#clock.now): void {
    const target = Math.floor(until / TICK_MS)
    // After a pause longer than a round, one round visits every slot; `due` tells which are over.
    let tick = Math.max(this.#tick + 1, target - SLOTS + 1)
    for (; tick <= target; tick++) {
      this.#tick = Math.max(this.#tick, tick)
      this.#collect(this.#slots[tick & (SLOTS - 1)]!, target)
      this.#fire()
    }
  }

  /** Moves the due timers of a slot aside, so that an expiring timer may touch the slot. */
  #collect(slot: Link, target: number): void {
    for (let link = slot.next; link !== slot;) {
      const timer = link as Timer
      link = link.next
      if (timer.due > target) continue
      timer.clear()
      this.#firing.append(timer)
    }
  }

  #fire(): void {
    while (this.#firing.next !== this.#firing) {
      const timer = this.#firing.next as Timer
      timer.clear()
      timer.expired()
    }
  }

  /**
   * The time until which all that had come was read: now, unless the event loop is held up. Who has not been
   * heard of since need not be late.
   */
  get readUntil(): number {
    return this.#isHeldUp() ? this.#begun : this.#clock.now
  }

  /**
   * Of the last `ms` milliseconds, those since the event loop was held up: what was read after that may
   * have come at any time before.
   */
  attended(ms: number): number {
    return this.#isHeldUp() ? 0 : Math.min(ms, this.#clock.now - this.#heldUpUntil)
  }

  #isHeldUp(): boolean {
    return this.#interval !== null && this.#clock.now - this.#begun > HELD_UP_MS
  }

  #start(): void {
    // Nothing was set while the wheel stood still: skip the ticks of that time.
    this.#tick = Math.max(this.#tick, Math.floor(this.#clock.now / TICK_MS) - 1)
    this.#begun = this.#clock.now
    this.#interval = setInterval(this.#begin, TICK_MS)
    // A pending answer does not keep the process alive; its sockets do.
    this.#interval.unref()
  }

  readonly #begin = (): void => {
    this.#clock.refresh()
    if (this.#isHeldUp()) this.#heldUpUntil = this.#clock.now
    this.#begun = this.#clock.now
    setImmediate(this.#turn)
  }

  /**
   * Runs after the sockets have been read: when the event loop was held up, what came in meanwhile is
   * seen before the deadlines that passed meanwhile. Those that passed while it was being read have to
   * wait for the next time, for so has what came then: a process that gets little CPU time would take
   * upstreams for late.
   */
  readonly #turn = (): void => {
    this.#clock.refresh()
    this.advance(this.#begun)
    if (this.#isEmpty()) this.#stop()
  }

  #stop(): void {
    if (this.#interval !== null) clearInterval(this.#interval)
    this.#interval = null
  }

  #isEmpty(): boolean {
    return this.#slots.every((slot) => slot.next === slot)
  }
}
