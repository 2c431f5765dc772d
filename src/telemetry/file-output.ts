import { writeSync } from 'node:fs'
import type { LineOutput } from './line-queue.ts'

/**
 * A file that lines go to, as standard output may be one. A stream of Node's is over with its first error; here what
 * a full disk does not take is lost, and what comes after it is tried.
 */
export class FileOutput implements LineOutput {
  readonly #fd: number
  readonly #write: (fd: number, bytes: Buffer, offset: number) => number
  /** Whether the last line was cut. */
  #isCut = false

  /** @param write as Node's `writeSync`; a test has its own */
  constructor(
    fd: number,
    write: (fd: number, bytes: Buffer, offset: number) => number = writeSync,
  ) {
    this.#fd = fd
    this.#write = write
  }

  write(chunk: string, done: (error?: Error | null) => void): void {
    const bytes = Buffer.from(this.#isCut ? `\n${chunk}` : chunk)
    let written = 0
    try {
      while (written < bytes.length) written += this.#write(this.#fd, bytes, written)
    } catch (error) {
      if (written > 0) this.#isCut = true
      return done(error as Error)
    }
    this.#isCut = false
    done()
  }

  /** Each error is its line's. */
  on(): void {}
}
