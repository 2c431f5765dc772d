import { closeSync, openSync, readSync } from 'node:fs'
import { reasonOf } from '../../lib/errors.ts'

const CHUNK = 65_536

/**
 * The text of a file, device or pipe of at most `most` octets. Throws an Error that names it, with the system's
 * error as its cause where it cannot be read.
 */
export function readBounded(file: string, most: number): string {
  try {
    const fd = openSync(file, 'r')
    try {
      const chunks: Buffer[] = []
      for (let size = 0; ;) {
        const chunk = Buffer.allocUnsafe(CHUNK)
        const read = readSync(fd, chunk)
        size += read
        if (size > most) throw new Error(`larger than ${most / 2 ** 20} MiB`)
        if (read === 0) return Buffer.concat(chunks).toString()
        chunks.push(chunk.subarray(0, read))
      }
    } finally {
      closeSync(fd)
    }
  } catch (cause) {
    throw new Error(`Cannot read ${file}: ${reasonOf(cause)}`, { cause })
  }
}
