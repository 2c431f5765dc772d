import { randomBytes } from 'node:crypto'
import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'

import { type Libc, libc as loadedLibc } from '../sys/libc.ts'

/** POSIX_FADV_DONTNEED. */
const DONT_NEED = 4

/** Begins to write a file out to its disk; null where nothing can. */
type WriteOut = Pick<Libc, 'posix_fadvise'> | null

/**
 * Replaces the file at `path` (made where it is missing) in one step: readers see the old text or the
 * new one, whatever happens meanwhile. Throws Node's error where the directory takes no file.
 *
 * @param mode permissions of the new file, before the umask
 */
export function writeFileAtomically(
  path: string,
  text: string,
  mode: number,
  libc: WriteOut = loadedLibc().libc,
): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  try {
    // Exclusive: in a directory that others can write to, nobody's link is followed.
    write(temporary, 'wx', text, mode, libc)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** Writes into the file itself, made where it is missing. Throws Node's error. */
export function writeFileInPlace(
  path: string,
  text: string,
  mode: number,
  libc: WriteOut = loadedLibc().libc,
): void {
  write(path, 'w', text, mode, libc)
}

/**
 * Begins to write the file out and waits for nothing; fsync() would, for as long as a disk is in trouble. Left to the
 * kernel, pages wait for 35 s. In a cgroup of version 1 that is at its limit and has no other file pages to give back,
 * a thread that needs memory sleeps for 100 ms in the kernel (VMSCAN_THROTTLE_WRITEBACK), the one that answers queries
 * too, and cannot even be killed meanwhile.
 */
function write(path: string, flag: 'w' | 'wx', text: string, mode: number, libc: WriteOut): void {
  const fd = openSync(path, flag, mode)
  try {
    writeFileSync(fd, text)
    libc?.posix_fadvise(fd, 0, 0, DONT_NEED)
  } finally {
    closeSync(fd)
  }
}
