import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const GROUP_AND_OTHERS = 0o077
const WRITABLE_BY_OTHERS = 0o022

/** The answer of `checkStateDirectory` where there is no directory to complain about. */
export const ABSENT = 'absent'

/** Where the running daemon listens for its successor. */
export function handoverSocket(directory: string): string {
  return join(directory, 'handover.sock')
}

/**
 * Whether the state directory may hold the socket that gives everything away: null where it may,
 * ABSENT where it does not exist and cannot be made, or else what is wrong with it and what to do.
 * One that is missing is made, for this user alone. An empty one that others can only look into
 * becomes so: the kubelet makes directories of a hostPath with mode 755.
 *
 * @param uid this process's effective user
 */
export function checkStateDirectory(directory: string, uid: number): string | null {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') return ABSENT
  }
  const status = lstatSync(directory)
  const refused = (reason: string): string =>
    `Cannot hand over through ${directory}: ${reason}; "dnslet" goes on without hand-over`
  if (status.isSymbolicLink()) return refused('it is a symbolic link: name the directory itself')
  if (!status.isDirectory()) return refused('it is no directory: remove it')
  if (status.uid !== uid) {
    return refused(`it belongs to user ${status.uid}, this is user ${uid}: "chown" it or remove it`)
  }
  if ((status.mode & GROUP_AND_OTHERS) !== 0 && !tighten(directory, status.mode)) {
    const mode = (status.mode & 0o7777).toString(8)
    return refused(`others may use it (mode ${mode}): "chmod 700 ${directory}"`)
  }
  return null
}

function tighten(directory: string, mode: number): boolean {
  if ((mode & WRITABLE_BY_OTHERS) !== 0 || readdirSync(directory).length > 0) return false
  chmodSync(directory, 0o700)
  return true
}
