import { setTimeout as delay } from 'node:timers/promises'

/** Milliseconds from the beginning of a rendering to that of the next one. */
const INTERVAL_MS = 1_000
/** Who may share one; who comes then takes the place of a client that waits more often. */
const MAX_WAITING = 16
/** Who may wait to be told that there are too many: told at once they ask again, 9,000 times a second. */
const MAX_TURNED_AWAY = 64
/** Milliseconds between answers: they leave one by one, and queries are answered in between. */
const PAUSE_MS = 5

interface Waiter<T> {
  readonly form: string
  readonly client: string
  readonly resolve: (rendered: T | null) => void
  readonly reject: (error: unknown) => void
}

export interface SharedRenderingParts<T> {
  readonly render: (form: string) => Promise<T>
  /** Milliseconds of a monotonic clock; default: performance.now. */
  readonly now?: () => number
  /** Default: setTimeout. */
  readonly later?: (run: () => void, ms: number) => void
  /** The time between two answers; default: 5 ms. */
  readonly pause?: () => Promise<void>
}

/**
 * Renders what many ask for once for all of them. Everybody gets a rendering that began after they
 * asked, so that nobody sees figures older than their question; what is bounded is how often one
 * begins: once a second, for which all who have come meanwhile wait. Where they want different forms,
 * the others wait for another second.
 *
 *     ask ─┐
 *     ask ─┼─▶ waiting ──once a second──▶ render ──▶ all who waited, one by one
 *     ask ─┘
 */
export class SharedRendering<T> {
  readonly #parts: Required<SharedRenderingParts<T>>
  #waiting: Waiter<T>[] = []
  /** Those who get none. */
  #turnedAway: Waiter<T>[] = []
  #busy = false
  #beganAt = -Infinity

  constructor(parts: SharedRenderingParts<T>) {
    this.#parts = {
      now: () => performance.now(),
      later: (run, ms) => void setTimeout(run, ms),
      pause: () => delay(PAUSE_MS),
      ...parts,
    }
  }

  /**
   * A rendering in this form; null where too many wait, and nobody of them more often than this client.
   * That is said when the others get theirs: who asks again at once would else keep us busy with it.
   */
  ask(form: string, client: string): Promise<T | null> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ form, client, resolve, reject })
      if (this.#waiting.length > MAX_WAITING) this.#turnAway()
      this.#schedule()
    })
  }

  /** Turns the latest of that client away which waits most often. */
  #turnAway(): void {
    const counts = new Map<string, number>()
    for (const { client } of this.#waiting) counts.set(client, (counts.get(client) ?? 0) + 1)
    const most = Math.max(...counts.values())
    const at = this.#waiting.findLastIndex(({ client }) => counts.get(client) === most)
    this.#turnedAway.push(...this.#waiting.splice(at, 1))
    if (this.#turnedAway.length > MAX_TURNED_AWAY) this.#turnedAway.shift()!.resolve(null)
  }

  #schedule(): void {
    if (this.#busy || this.#waiting.length === 0) return
    this.#busy = true
    const wait = this.#beganAt + INTERVAL_MS - this.#parts.now()
    const run = (): void => void this.#run()
    // Rounded up: a timer may be early by a part of a millisecond.
    if (wait > 0) this.#parts.later(run, Math.ceil(wait))
    else run()
  }

  async #run(): Promise<void> {
    this.#beganAt = this.#parts.now()
    const turnedAway = this.#turnedAway.splice(0)
    const { form } = this.#waiting[0]!
    const waiters = this.#waiting.filter((one) => one.form === form)
    this.#waiting = this.#waiting.filter((one) => one.form !== form)
    try {
      const rendered = await this.#parts.render(form)
      await this.#tell(waiters, rendered)
    } catch (error) {
      for (const { reject } of waiters) reject(error)
    }
    await this.#tell(turnedAway, null)
    this.#busy = false
    this.#schedule()
  }

  async #tell(waiters: Waiter<T>[], rendered: T | null): Promise<void> {
    while (waiters.length > 0) {
      waiters.shift()!.resolve(rendered)
      if (waiters.length > 0) await this.#parts.pause()
    }
  }
}
