import { readFileSync } from 'node:fs'
import type { Libc } from './libc.ts'
import { check } from './socket.ts'

const RLIMIT_CORE = 4

/**
 * No core dump when this process crashes, nor its children: writing 1 GB takes 2.7 s, in which its
 * addresses stay and nobody answers. Throws SyscallError.
 */
export function noCoreDumps(libc: Libc): void {
  check(libc, 'setrlimit', libc.setrlimit(RLIMIT_CORE, Buffer.alloc(16)))
}

/**
 * How many files this process may have open, sockets among them: Node.js raises the soft limit to the hard one as it
 * starts. Infinity where there is no limit, or nobody says.
 *
 * @param limits as in /proc
 */
export function openFilesLimit(limits = '/proc/self/limits'): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync(limits, 'latin1')) ?? []
    return limit === undefined ? Infinity : Number(limit)
  } catch {
    return Infinity
  }
}
