import { isDiskFull } from '../lib/full-disk.ts'

/** Where lines go: a stream of Node's, or a file. */
export interface LineOutput {
  /** @param done told once the chunk has left, or why it has not */
  write(chunk: string, done: (error?: Error | null) => void): unknown
  on(event: 'error', broken: () => void): unknown
}

/** How many lines were thrown away; shared by the queues of a process, read by metrics. */
export interface DroppedLines {
  lines: number
}

/** Characters of an ordinary line: where there is no room for it, there is none for any. */
const TYPICAL_LINE = 128

/**
 * Lines on their way to a stream that may be slow, blocked or gone.
 *
 *   write() ─▶ next: lines of this tick ─▶ one chunk being written ─▶ stream
 *              └──────────── size ≤ limit, all together ──────────┘
 *
 * A line that does not fit is dropped and counted. Nothing here waits and nothing grows: at most
 * one chunk is handed to the stream at a time, and a broken stream turns every line into a dropped one;
 * a full disk only those that it does not take.
 */
export class LineQueue {
  readonly #stream: LineOutput
  readonly #limit: number
  readonly #dropped: DroppedLines
  #next = ''
  #size = 0
  #scheduled = false
  #writing = false
  #broken = false
  #droppedHere = 0
  #waiting: (() => void)[] = []
  /** Called when lines fit again after some were dropped. */
  onRecovered: ((lines: number) => void) | null = null

  /** @param limit characters queued at most (log lines are ASCII, so bytes as well) */
  constructor(stream: LineOutput, limit: number, dropped: DroppedLines) {
    this.#stream = stream
    this.#limit = limit
    this.#dropped = dropped
    // A reader that went away (EPIPE) must not end the process.
    stream.on('error', () => this.#break())
  }

  /**
   * True where the next line would be dropped whatever it says; it is counted as dropped, so that
   * nobody need write it first. Lines longer than most may be dropped in spite of a false.
   */
  refuses(): boolean {
    if (!this.#broken && this.#size + TYPICAL_LINE <= this.#limit) return false
    this.#drop()
    return true
  }

  /** Queues a line with its final newline, or drops it. Never throws, never blocks on a pipe. */
  write(line: string): void {
    if (this.#broken || this.#size + line.length > this.#limit) {
      this.#drop()
      return
    }
    this.#size += line.length
    this.#next += line
    if (this.#writing || this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#onTick)
  }

  /** Hands over what is queued now, as far as the stream takes it at once. For the end of the process. */
  push(): void {
    if (!this.#writing && !this.#broken && this.#next !== '') this.#send()
  }

  /** Resolves when every line has left the process, or after `timeoutMs`: true where all have left. */
  flush(timeoutMs: number): Promise<boolean> {
    this.push()
    if (this.#broken || this.#size === 0) return Promise.resolve(!this.#broken)
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs)
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve(!this.#broken)
      })
    })
  }

  #drop(lines = 1): void {
    this.#dropped.lines += lines
    this.#droppedHere += lines
  }

  readonly #onTick = (): void => {
    this.#scheduled = false
    this.push()
  }

  #send(): void {
    const chunk = this.#next
    this.#next = ''
    this.#writing = true
    this.#stream.write(chunk, (error) => {
      this.#writing = false
      if (error && !isDiskFull(error)) return this.#break()
      this.#size -= chunk.length
      if (error) this.#drop(linesOf(chunk))
      else if (this.#droppedHere > 0) this.#tellDropped()
      if (this.#next !== '') this.#send()
      else this.#settle()
    })
  }

  #tellDropped(): void {
    const lines = this.#droppedHere
    this.#droppedHere = 0
    this.onRecovered?.(lines)
  }

  #break(): void {
    if (this.#broken) return
    this.#broken = true
    this.#dropped.lines += linesOf(this.#next)
    this.#next = ''
    this.#size = 0
    this.#settle()
  }

  #settle(): void {
    for (const done of this.#waiting.splice(0)) done()
  }
}

function linesOf(text: string): number {
  return text.split('\n').length - 1
}
