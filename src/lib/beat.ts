/** A turn of the beat. */
const BEAT_MS = 1000

/** Somebody who does something now and then. */
interface Beaten {
  readonly seconds: number
  readonly run: () => void
  /** Beats until the next time. */
  left: number
}

/**
 * One timer a second for all that is done each second or more seldom: an idle process wakes up once for all
 * of it. Whoever has a timer of his own has the processor woken up for himself, with caches gone cold.
 *
 * It runs while there is somebody, and keeps no process alive. Who is late (stopped, throttled) finds one
 * beat gone, however many seconds have passed.
 */
export class Beat {
  readonly #all = new Set<Beaten>()
  readonly #ms: number
  #timer: NodeJS.Timeout | null = null

  /** @param ms milliseconds of a beat, which count as a second; a test has shorter ones */
  constructor(ms: number = BEAT_MS) {
    this.#ms = ms
  }

  /**
   * Has `run` called each so many `seconds`, the first time up to a second early. Where it throws, that is an
   * uncaught exception, and the others have their turn. Returns how to end it.
   */
  every(seconds: number, run: () => void): () => void {
    const one: Beaten = { seconds, run, left: seconds }
    this.#all.add(one)
    this.#timer ??= setInterval(this.#turn, this.#ms).unref()
    return () => {
      this.#all.delete(one)
      if (this.#all.size > 0 || this.#timer === null) return
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  readonly #turn = (): void => {
    for (const one of this.#all) {
      if (--one.left > 0) continue
      one.left = one.seconds
      try {
        one.run()
      } catch (cause) {
        setImmediate(() => {
          throw cause
        })
      }
    }
  }
}

/** That of this process. */
export const beat: Beat = new Beat()
