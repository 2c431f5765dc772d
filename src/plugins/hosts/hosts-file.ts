import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { reasonOf } from '../../lib/errors.ts'
import { isNullDevice } from '../../lib/file-kind.ts'
import type { Log } from '../../lib/log.ts'
import { zoneTable, type ZoneTable } from '../../serve/zone-table.ts'
import { HostTable } from './host-table.ts'
import { HostsParser } from './parser.ts'
import { lastModified } from './reload-time.ts'

/** Octets read and parsed at a time: some two hundred lines, a millisecond. */
const SLICE = 8 << 10
/** Some seven million lines. What it takes to hold them is two to four times as much. */
const MAX_FILE_BYTES = 256 << 20

/**
 * A hosts file that is followed: what was good last counts. It outlives reloads of the Corefile, and knows
 * nothing of the configuration that made it.
 */
export class HostsFile {
  readonly path: string
  table: HostTable = new HostTable()
  /** Whether the last look at it failed. */
  unreadable = false
  readonly #zones: ZoneTable<true>
  readonly #reverse: boolean
  #looking: Promise<void> | null = null
  /** What tells one content from another, of the one that was read last; '' before. */
  #stamp = ''
  /** What was said of the file last, and is not said again. */
  #said = ''

  /**
   * @param zones names outside of them are left out
   * @param reverse whether addresses get PTR records
   */
  constructor(path: string, zones: readonly string[], reverse: boolean) {
    this.path = path
    this.#zones = zoneTable(zones)
    this.#reverse = reverse
  }

  /** Reads the file where it has changed, in slices; at most one at a time. Never rejects. */
  look(log: Log): Promise<void> {
    this.#looking ??= this.#look(log).finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #look(log: Log): Promise<void> {
    try {
      // Whoever opens a pipe waits for its other end, but for this flag.
      const file = await open(this.path, constants.O_RDONLY | constants.O_NONBLOCK)
      try {
        await this.#readChanged(file, log)
      } finally {
        await file.close()
      }
      this.unreadable = false
      if (this.#said !== '') log.info(`Hosts file ${this.path} can be read again`)
      this.#said = ''
    } catch (error) {
      this.unreadable = true
      this.#complain(error, log)
    }
  }

  async #readChanged(file: FileHandle, log: Log): Promise<void> {
    const stat = await file.stat()
    if (stat.isDirectory()) throw new Error('is a directory')
    // Who names the null device wants inline entries alone.
    if (!stat.isFile() && !isNullDevice(stat)) throw new Error('is not a regular file')
    const { ino, mtimeMs, size } = stat
    if (size > MAX_FILE_BYTES) throw tooLarge()
    // A file that changes while it is read has another stamp afterwards, and is read again.
    const stamp = `${ino} ${mtimeMs} ${size}`
    if (stamp === this.#stamp) return
    this.table = await this.#read(file)
    this.#stamp = stamp
    lastModified.seconds = mtimeMs / 1000
    log.debug(`Parsed hosts file ${this.path} into ${this.table.entries} entries`)
  }

  async #read(file: FileHandle): Promise<HostTable> {
    const table = new HostTable()
    const parser = new HostsParser(table, this.#zones, this.#reverse)
    const slice = Buffer.allocUnsafe(SLICE)
    for (let read = 0; ;) {
      const { bytesRead } = await file.read(slice, 0, SLICE)
      if (bytesRead === 0) break
      read += bytesRead
      if (read > MAX_FILE_BYTES) throw tooLarge()
      parser.push(slice.subarray(0, bytesRead))
    }
    parser.end()
    return table
  }

  #complain(error: unknown, log: Log): void {
    const reason = readableReason(error)
    if (reason === this.#said) return
    this.#said = reason
    const problem = `Cannot read hosts file ${this.path}: ${reason}`
    if (this.#stamp !== '') log.error(`${problem}; what it held last goes on`)
    else if (!isAbsent(error)) log.warning(problem)
  }
}

/** Entries that stand in the Corefile. */
export function parseInline(text: string, zones: readonly string[], reverse: boolean): HostTable {
  const table = new HostTable()
  const parser = new HostsParser(table, zoneTable(zones), reverse)
  parser.push(Buffer.from(text))
  parser.end()
  return table
}

/** What the C library says, without Node's call and path. */
export function readableReason(error: unknown): string {
  return reasonOf(error).replace(/^[A-Z0-9]+: ([^,]+),[^]*$/, '$1')
}

/** Whether there is no file, which is said at setup where one is named. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function tooLarge(): Error {
  return new Error(`is larger than ${MAX_FILE_BYTES} bytes`)
}
