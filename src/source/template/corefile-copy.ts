import { join, resolve } from 'node:path'
import { writeFileAtomically, writeFileInPlace } from '../../host/write-file.ts'
import { fileKind } from '../../lib/file-kind.ts'
import { isDiskFull } from '../../lib/full-disk.ts'

/** As node-cache leaves it: for everybody to read. */
const MODE = 0o644
/** Its name in the state directory, whatever -conf is called: `cleanup` knows what is ours by its name. */
const IN_STATE = 'Corefile'

/**
 * The rendered Corefile on disk, for people and tools: at the path of -conf, in one step where its
 * directory allows that, in place where only the file may be written (a file mounted by itself), and
 * in the state directory where neither may be (a read-only root file system, no regular file, or the
 * template itself, which would be none any more).
 */
export class CorefileCopy {
  readonly #path: string
  readonly #stateDirectory: string | null
  readonly #isTemplate: boolean
  #last: string | null = null
  #place: string

  constructor(path: string, stateDirectory: string | null, template: string) {
    this.#path = this.#place = path
    this.#isTemplate = resolve(path) === resolve(template)
    this.#stateDirectory = stateDirectory
  }

  /** Where the last text went; the path of -conf before the first. */
  get place(): string {
    return this.#place
  }

  /**
   * Writes `text` where it can, unless it was the last one written: returns whether it was not. Throws
   * Node's error for the path of -conf where no place takes it.
   */
  write(text: string): boolean {
    if (text === this.#last) return false
    this.#place = this.#write(text)
    this.#last = text
    return true
  }

  #write(text: string): string {
    try {
      this.#requireFile()
      writeFileAtomically(this.#path, text, MODE)
      return this.#path
    } catch (error) {
      // In place, what is there would be cut off first.
      return isDiskFull(error) ? this.#writeToState(text, error) : this.#writeInPlace(text)
    }
  }

  #writeInPlace(text: string): string {
    try {
      this.#requireFile()
      writeFileInPlace(this.#path, text, MODE)
      return this.#path
    } catch (error) {
      return this.#writeToState(text, error)
    }
  }

  /** Throws `error`, for which -conf does not do, where there is no state directory. */
  #writeToState(text: string, error: unknown): string {
    if (this.#stateDirectory === null) throw error
    const path = join(this.#stateDirectory, IN_STATE)
    writeFileAtomically(path, text, MODE)
    return path
  }

  /** Neither replaces a device by a file nor waits for the reader of a pipe. */
  #requireFile(): void {
    if (this.#isTemplate) throw new Error(`${this.#path} is what the Corefile is made of`)
    const kind = fileKind(this.#path)
    if (kind === 'pipe' || kind === 'other') throw new Error(`${this.#path} is not a regular file`)
  }
}
