import { readFileSync } from 'node:fs'
import type { Libc } from './libc.ts'

/**
 * COLD and SEQUENTIAL first: else the kernel takes each page that is dropped for one in use, and counts its
 * copy as part of the working set. DONTNEED drops; NORMAL reads around a page again when one is used.
 */
const Advice = { Normal: 0, Sequential: 2, DontNeed: 4, Cold: 20 } as const
const PAGE_SIZE = 4096

/** The first line of a mapping in /proc/PID/smaps: addresses, permissions, …, file. */
const MAPPING = /^(?<start>[0-9a-f]+)-(?<end>[0-9a-f]+) r-[x-]p .* \//
/** How much of a mapping is the process's own. */
const ANONYMOUS = /^Anonymous: +(?<size>\d+) kB/

/**
 * Drops from the process, not from the kernel's page cache, what is mapped read-only from files: the
 * program's code, of which the start uses twice as much as what comes after it. Pages in use come back
 * sixteen at a time, without a disk. Mappings with a page of our own (relocations) stay untouched.
 * Returns the mappings dropped.
 *
 * @param smaps this process's, as in /proc
 */
export function dropMappedFiles(
  libc: Pick<Libc, 'madvise'>,
  smaps: string = readFileSync('/proc/self/smaps', 'latin1'),
): number {
  let dropped = 0
  let start = 0
  let end = 0
  for (const line of smaps.split('\n')) {
    const own = ANONYMOUS.exec(line)?.groups!['size']
    if (own === undefined) {
      if (!/^[0-9a-f]+-/.test(line)) continue
      const mapping = MAPPING.exec(line)?.groups
      start = mapping === undefined ? 0 : Number.parseInt(mapping['start']!, 16)
      end = mapping === undefined ? 0 : Number.parseInt(mapping['end']!, 16)
    } else if (end > start && own === '0') {
      const size = end - start
      libc.madvise(start, size, Advice.Cold)
      libc.madvise(start, size, Advice.Sequential)
      if (libc.madvise(start, size, Advice.DontNeed) === 0) dropped++
      libc.madvise(start, size, Advice.Normal)
    }
  }
  return dropped
}

/** Bytes of memory that are the process's own and no file's; 0 where /proc does not tell. */
export function anonymousBytes(statm = '/proc/self/statm'): number {
  try {
    const [, resident = 0, shared = 0] = readFileSync(statm, 'latin1').split(' ').map(Number)
    return (resident - shared) * PAGE_SIZE
  } catch {
    return 0
  }
}
