import { setImmediate as nextTurn } from 'node:timers/promises'

/** Renderings that may follow each other at once; further ones are a second apart. */
const BURST = 5
const INTERVAL_MS = 1_000
/** Who may wait for one, and how many of them may be one client. */
const MAX_WAITING = 64
const SHARE = MAX_WAITING / 2
/** Milliseconds of answers before others have their turn. */
const SLICE_MS = 0.5

interface Waiter<T> {
  readonly form: string
  readonly client: string
  readonly resolve: (rendered: T) => void
  readonly reject: (error: unknown) => void
}

export interface SharedRenderingParts<T> {
  readonly render: (form: string) => Promise<T>
  /** Milliseconds of a monotonic clock; default: performance.now. */
  readonly now?: () => number
  /** Default: setTimeout. */
  readonly later?: (run: () => void, ms: number) => void
}

/**
 * Renders what many ask for once for all of them. Everybody gets a rendering that began after they
 * asked, so that nobody sees figures older than their question; what is bounded is how often one
 * begins: five in a row, then one a second, for which all who have come meanwhile wait.
 *
 *     ask ─┐
 *     ask ─┼─▶ waiting ──five in a row, then each second──▶ render ──▶ all who waited, a few at a time
 *     ask ─┘
 */
export class SharedRendering<T> {
  readonly #parts: Required<SharedRenderingParts<T>>
  #waiting: Waiter<T>[] = []
  #busy = false
  #left = BURST
  #countedAt = -Infinity

  constructor(parts: SharedRenderingParts<T>) {
    this.#parts = {
      now: () => performance.now(),
      later: (run, ms) => void setTimeout(run, ms),
      ...parts,
    }
  }

  /** A rendering in this form; null where too many wait, or too many of this client's. */
  ask(form: string, client: string): Promise<T> | null {
    const all = this.#waiting
    if (all.length >= MAX_WAITING) return null
    if (all.length >= SHARE && all.filter((one) => one.client === client).length >= SHARE)
      return null
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ form, client, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#busy || this.#waiting.length === 0) return
    this.#busy = true
    const now = this.#parts.now()
    this.#left = Math.min(BURST, this.#left + (now - this.#countedAt) / INTERVAL_MS)
    this.#countedAt = now
    const wait = Math.max(0, (1 - this.#left) * INTERVAL_MS)
    this.#left--
    const run = (): void => void this.#run()
    // Rounded up: a timer may be early by a part of a millisecond.
    if (wait > 0) this.#parts.later(run, Math.ceil(wait))
    else run()
  }

  async #run(): Promise<void> {
    const all = this.#waiting
    this.#waiting = []
    for (const [form, waiters] of Map.groupBy(all, (one) => one.form)) {
      try {
        const rendered = await this.#parts.render(form)
        await inTurns(waiters, ({ resolve }) => resolve(rendered))
      } catch (error) {
        for (const { reject } of waiters) reject(error)
      }
    }
    this.#busy = false
    this.#schedule()
  }
}

async function inTurns<W>(waiters: readonly W[], tell: (waiter: W) => void): Promise<void> {
  let began = performance.now()
  for (const waiter of waiters) {
    tell(waiter)
    // Its answer is written by what it awaits, before this goes on.
    await Promise.resolve()
    if (performance.now() - began < SLICE_MS) continue
    await nextTurn()
    began = performance.now()
  }
}
