import { blockFor } from './clock.ts'

/** Something that collects bytes during a turn. */
export interface Flushable {
  flush(): void
}

/** Something that has more to do than a turn should take. */
export interface Continued {
  goOn(): void
}

/** Packets per millisecond from which on turns are paced. */
const DENSE = 50
/** Milliseconds over which that is judged. */
const WINDOW_MS = 4
/** A turn with this many packets is a good batch as it is. */
const FULL = 64
/** Milliseconds of a pause; the kernel's timer slack adds some 50 µs. Twice as long costs throughput. */
const PAUSE_MS = 0.05

/**
 * The end of a turn of the event loop, when the packets that lay ready have all been read.
 *
 * What was collected leaves then: the queries of a turn in one write per connection, late answers in
 * one system call. Above 50,000 packets a second turns are dense: all answers wait for the end, and a
 * turn that had few packets pauses for some 100 µs before the next one, as network cards moderate
 * their interrupts. Waking up, polling and a system call per socket cost as much as several packets,
 * so that many small turns waste a third of the processor. Below that rate nothing ever waits.
 */
export class Turn {
  readonly #pause: () => void
  #dirty: Flushable[] = []
  #spare: Flushable[] = []
  #continued: Continued[] = []
  #ends = false
  /** Packets of this turn. */
  #packets = 0
  #dense = false
  #windowStart = 0
  #windowPackets = 0

  /** @param pause blocks the thread for some µs; the default asks the kernel */
  constructor(pause: () => void = () => blockFor(PAUSE_MS)) {
    this.#pause = pause
  }

  /** Whether packets come so fast that what can wait for the end of the turn should. */
  get isDense(): boolean {
    return this.#dense
  }

  /** Asks for `one.flush()` at the end of this turn; each asks once per turn. */
  add(one: Flushable): void {
    this.endLater()
    this.#dirty.push(one)
  }

  /** Asks for `one.goOn()` behind everything else of this turn; each asks once per turn. */
  addLast(one: Continued): void {
    this.endLater()
    this.#continued.push(one)
  }

  /** Tells of packets read in this turn; `now` in milliseconds. */
  count(packets: number, now: number): void {
    this.#packets += packets
    this.#windowPackets += packets
    const elapsed = now - this.#windowStart
    if (elapsed >= WINDOW_MS) {
      this.#dense = this.#windowPackets >= DENSE * elapsed
      this.#windowStart = now
      this.#windowPackets = 0
    }
    if (this.#dense) this.endLater()
  }

  /**
   * Makes the turn end in a callback of Node's own: `process.nextTick` and promises run only after such
   * a one. What is begun in a `Readable`'s callback would otherwise wait for the next timer.
   */
  endLater(): void {
    if (this.#ends) return
    this.#ends = true
    setImmediate(this.#end)
  }

  readonly #end = (): void => {
    this.#ends = false
    const dirty = this.#dirty
    this.#dirty = this.#spare
    for (let i = 0; i < dirty.length; i++) dirty[i]!.flush()
    dirty.length = 0
    this.#spare = dirty
    const packets = this.#packets
    this.#packets = 0
    if (this.#continued.length > 0) this.#goOn()
    else if (this.#dense && packets > 0 && packets < FULL) this.#pause()
  }

  #goOn(): void {
    const continued = this.#continued
    this.#continued = []
    for (const one of continued) one.goOn()
  }
}

/** The turns of this thread's event loop: there is one. */
export const turn: Turn = new Turn()
