import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { writeFileAtomically } from '../write-file.ts'

/** As node-cache leaves it: for everybody to read. */
const MODE = 0o644

/**
 * The rendered Corefile on disk, for people and tools: at the path of -conf, in one step where its
 * directory allows that, in place where only the file may be written (a file mounted by itself), and
 * in the state directory where neither may be (a read-only root file system).
 */
export class CorefileCopy {
  readonly #path: string
  readonly #stateDirectory: string | null
  #last: string | null = null

  constructor(path: string, stateDirectory: string | null) {
    this.#path = path
    this.#stateDirectory = stateDirectory
  }

  /**
   * Writes `text` where it can, unless it was the last one written. Returns the path, or null for
   * nothing to do. Throws Node's error for the path of -conf where no place takes it.
   */
  write(text: string): string | null {
    if (text === this.#last) return null
    const path = this.#write(text)
    this.#last = text
    return path
  }

  #write(text: string): string {
    try {
      writeFileAtomically(this.#path, text, MODE)
      return this.#path
    } catch {
      return this.#writeInPlace(text)
    }
  }

  #writeInPlace(text: string): string {
    try {
      writeFileSync(this.#path, text, { mode: MODE })
      return this.#path
    } catch (error) {
      if (this.#stateDirectory === null) throw error
      const path = join(this.#stateDirectory, basename(this.#path))
      writeFileAtomically(path, text, MODE)
      return path
    }
  }
}
