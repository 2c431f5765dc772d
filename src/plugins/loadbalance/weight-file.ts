import { nodeFiles } from '../../corefile/files.ts'
import { reasonOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { LONGEST_TIMER_MS } from '../../lib/longest-timer.ts'
import { Weights } from './weights.ts'

/** The shortest time between two looks at a file. */
const SHORTEST_INTERVAL_MS = 1_000

/** A weight file that is followed: what was good last counts. */
export class WeightFile {
  weights: Weights = new Weights()
  readonly #path: string
  readonly #reloadMs: number
  readonly #log: Log
  readonly #readText: (path: string) => string
  #text = ''
  /** What was said of the file last, and is not said again. */
  #said = ''
  #timer: NodeJS.Timeout | null = null

  /** @param reloadMs milliseconds between two looks at it; 0: none after the first */
  constructor(
    path: string,
    reloadMs: number,
    log: Log,
    readText: (path: string) => string = (file) => nodeFiles.read(file),
  ) {
    this.#path = path
    this.#reloadMs = reloadMs
    this.#log = log
    this.#readText = readText
  }

  /**
   * Reads the file the first time. Throws an Error where it is bad, or cannot be opened and is not going to
   * be tried again.
   */
  open(): void {
    let text
    try {
      text = this.#readText(this.#path)
    } catch (error) {
      const reason = reasonOf(error)
      const problem = `weight file open error: ${reason}`
      if (this.#reloadMs === 0) throw new Error(problem, { cause: error })
      this.#said = reason
      const seconds = this.#interval() / 1000
      this.#log.warning(`Failed to open weight file: ${reason}. Will try again in ${seconds}s`)
      return
    }
    this.#take(text)
  }

  /** Looks at the file from time to time, until `stop()`. */
  follow(): void {
    if (this.#reloadMs === 0) return
    this.#timer = setInterval(() => this.#look(), this.#interval())
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #interval(): number {
    return Math.min(Math.max(this.#reloadMs, SHORTEST_INTERVAL_MS), LONGEST_TIMER_MS)
  }

  #look(): void {
    try {
      const text = this.#readText(this.#path)
      const changed = text !== this.#text
      if (changed) this.#take(text)
      if (changed) this.#log.info(`Successfully reloaded weight file ${this.#path}`)
      this.#said = ''
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === this.#said) return
      this.#said = reason
      this.#log.error(`${reason}; the last good weights go on`)
    }
  }

  #take(text: string): void {
    this.weights = Weights.parse(text, this.#path)
    this.#text = text
  }
}
