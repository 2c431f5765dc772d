import { randomBytes } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'

/**
 * Replaces the file at `path` (made where it is missing) in one step: readers see the old text or the
 * new one, whatever happens meanwhile. Throws Node's error where the directory takes no file.
 *
 * @param mode permissions of the new file, before the umask
 */
export function writeFileAtomically(path: string, text: string, mode: number): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  try {
    // Exclusive: in a directory that others can write to, nobody's link is followed.
    writeFileSync(temporary, text, { mode, flag: 'wx' })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
