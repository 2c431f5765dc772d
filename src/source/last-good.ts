import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Directive, ServerBlock } from '../corefile/parse.ts'
import { StateFile } from '../host/state-directory.ts'
import { writeFileAtomically } from '../host/write-file.ts'
import { reasonOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { type Corefile, hashBlocks } from './corefile-source.ts'

/** Raised when the form of the record changes: an older one is not read then. */
const FORMAT = 1
/** Behind the hash of what was read from the file. */
const MARK = ' (last good)'

/** What the file holds. */
interface Record {
  readonly format: typeof FORMAT
  /** The -conf and -basecorefile it belongs to: another Corefile's last good one is none of ours. */
  readonly conf: string
  readonly base: string | null
  /** When it came into service, RFC 3339. */
  readonly since: string
  readonly text: string
  /** Imports and environment resolved, so that what they were made of may be bad, too. */
  readonly blocks: readonly {
    readonly keys: ServerBlock['keys']
    readonly directives: readonly (readonly [string, readonly Directive[]])[]
  }[]
}

export interface LastGoodParts {
  /** The state directory. */
  readonly directory: string
  /** Path of the Corefile as given. */
  readonly conf: string
  /** Path of its base file, null where it is made of none. */
  readonly base: string | null
  readonly log: Log
}

let inUse = false

/** Whether the last good Corefile is served because the present one could not be at start. */
export function isLastGoodInUse(): boolean {
  return inUse
}

/** Whether it is the last good Corefile, in place of one that cannot be served. */
export function isLastGood({ hash }: Corefile): boolean {
  return hash.endsWith(MARK)
}

/**
 * The last Corefile that was in service, kept on disk: a bad one must not take the node's DNS down
 * when the daemon is restarted.
 */
export class LastGood {
  readonly #parts: LastGoodParts
  readonly #path: string
  #saved: string | null = null
  /** What the disk did not take; null: nothing. */
  #unkept: Corefile | null = null
  #complaint = ''

  constructor(parts: LastGoodParts) {
    this.#parts = parts
    this.#path = join(parts.directory, StateFile.LastGood)
  }

  /** Whether the last good Corefile is served in place of the present one. */
  get inUse(): boolean {
    return inUse
  }

  /**
   * The Corefile to serve in place of one that cannot be for this reason; null where none is kept, or
   * only the same. It counts as another than any that is loaded later, even of the same text.
   *
   * @param failed hash of what cannot be served, null where that could not even be loaded
   */
  instead(reason: unknown, failed: string | null): Corefile | null {
    const read = this.#read()
    if (read === null || read.hash === failed) return null
    const { record, blocks, hash } = read
    inUse = true
    this.#complaint =
      `Cannot use the present Corefile: ${reasonOf(reason)}; the last good one, of ` +
      `${record.since}, is served instead: repair the former`
    this.complain()
    return { file: record.conf, text: record.text, blocks, hash: hash + MARK }
  }

  /** Says again, where that is so, that the last good Corefile is served, and why. */
  complain(): void {
    if (inUse) this.#parts.log.error(this.#complaint)
  }

  /** Has to be told of every Corefile in service. Returns whether it is the last good one. */
  served(corefile: Corefile): boolean {
    if (isLastGood(corefile)) return true
    if (inUse)
      this.#parts.log.info('The present Corefile is served, not the last good one any more')
    inUse = false
    return false
  }

  /** Keeps a Corefile that is in service. Never throws: serving does not depend on it. */
  keep(corefile: Corefile): void {
    try {
      this.#write(corefile)
    } catch (error) {
      this.#unkept = corefile
      this.#parts.log.warning(
        `Cannot keep the last good Corefile in ${this.#path}: ${reasonOf(error)}`,
      )
    }
  }

  /** To be called now and then: a disk that was full may have room again. Never throws, and says nothing. */
  keepAgain(): void {
    try {
      if (this.#unkept !== null) this.#write(this.#unkept)
    } catch {
      // It was said the first time.
    }
  }

  #write(corefile: Corefile): void {
    if (corefile.hash !== this.#saved) this.#writeRecord(corefile)
    this.#saved = corefile.hash
    this.#unkept = null
  }

  #writeRecord(corefile: Corefile): void {
    const { conf, base } = this.#parts
    const record: Record = {
      format: FORMAT,
      conf: resolve(conf),
      base: base === null ? null : resolve(base),
      since: new Date().toISOString(),
      text: corefile.text,
      blocks: corefile.blocks.map(({ keys, directives }) => ({
        keys,
        directives: [...directives],
      })),
    }
    writeFileAtomically(this.#path, `${JSON.stringify(record)}\n`, 0o600)
  }

  /** Null where there is none, or one that is damaged: the file outlives crashes of the machine. */
  #read(): { record: Record; blocks: readonly ServerBlock[]; hash: string } | null {
    const { conf, base, log } = this.#parts
    try {
      const stat = statSync(this.#path, { throwIfNoEntry: false })
      // In a directory that others can write to, the file may be theirs.
      if (stat === undefined || stat.uid !== process.getuid?.()) return null
      if (!stat.isFile()) throw new Error('is not a regular file')
      const record = JSON.parse(readFileSync(this.#path, 'utf8')) as Record
      const ours = record.conf === resolve(conf) && record.base === (base && resolve(base))
      if (record.format !== FORMAT || !ours) return null
      const blocks = record.blocks.map(({ keys, directives }) => ({
        keys,
        directives: new Map(directives),
      }))
      return { record, blocks, hash: hashBlocks(blocks) }
    } catch (error) {
      log.warning(`Cannot read the last good Corefile in ${this.#path}: ${reasonOf(error)}`)
      return null
    }
  }
}
