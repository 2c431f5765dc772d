import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import type { Log } from '../lib/log.ts'

const GROUP_AND_OTHERS = 0o077
const WRITABLE_BY_OTHERS = 0o022

/** Where state is kept that has to outlive the process, on the node or in an emptyDir. */
const DEFAULT_DIRECTORY = '/run/dnslet'
/** There is no directory to complain about. */
const ABSENT = 'absent'

/**
 * The directory for state that outlives the process, and for the socket of the hand-over:
 * DNSLET_STATE_DIR, by default /run/dnslet. Null where there is none and this user cannot make one,
 * where it is not safe (which is logged), or where the variable is set to nothing.
 */
export function openStateDirectory(
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): string | null {
  const named = env['DNSLET_STATE_DIR']
  const directory = named ?? DEFAULT_DIRECTORY
  const uid = process.geteuid?.()
  if (directory === '' || uid === undefined) return null
  const problem = checkStateDirectory(directory, uid)
  if (problem === null) return directory
  if (problem !== ABSENT) log.warning(problem)
  else if (named !== undefined) {
    log.warning(`Cannot keep state in ${directory}: it does not exist and cannot be made`)
  }
  return null
}

/**
 * Whether the state directory may hold what gives everything away: null where it may,
 * 'absent' where it does not exist and cannot be made, or else what is wrong with it and what to do.
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
    `Cannot keep state in ${directory}: ${reason}; dnslet goes on without hand-over`
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
