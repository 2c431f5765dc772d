import { accessSync, constants, lstatSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isMounted } from '../state-directory.ts'
import { readText } from './reading.ts'

/** A file or directory that dnslet has a use for. */
export interface FileView {
  readonly path: string
  readonly state: 'usable' | 'absent' | 'denied' | 'wrong'
  /** What is wrong with it; '' where nothing is. */
  readonly detail: string
}

export interface NodeFiles {
  readonly tun: FileView
  readonly stateDirectory: FileView
  /** Whether the state directory is a volume; null where /proc does not tell. */
  readonly stateIsMounted: boolean | null
  readonly xtablesLock: FileView
  /** Whether the root file system is mounted read-only here; null where /proc does not tell. */
  readonly rootIsReadOnly: boolean | null
}

/**
 * Looks at files as this process sees them; opens none.
 *
 * @param stateDirectory '' where none is used
 * @param root in place of `/`, for tests
 */
export function lookAtFiles(stateDirectory: string, root = '/'): NodeFiles {
  const mounts = readText('/proc/self/mountinfo', root)
  const table = 'value' in mounts ? mounts.value : null
  return {
    tun: device('/dev/net/tun', root),
    stateDirectory: directory(stateDirectory, root),
    stateIsMounted: table === null ? null : isMounted(stateDirectory, table),
    xtablesLock: look('/run/xtables.lock', root, () => ''),
    rootIsReadOnly: table === null ? null : isRootReadOnly(table),
  }
}

function device(path: string, root: string): FileView {
  return look(path, root, (file) => (statSync(file).isCharacterDevice() ? '' : 'it is no device'))
}

function directory(path: string, root: string): FileView {
  if (path === '') return { path, state: 'absent', detail: 'DNSLET_STATE_DIR is empty' }
  return look(path, root, (file) => {
    const status = lstatSync(file)
    if (status.isSymbolicLink()) return 'it is a symbolic link'
    if (!status.isDirectory()) return 'it is no directory'
    const isOpen = (status.mode & 0o022) !== 0 && (status.mode & 0o1000) === 0
    return isOpen ? `others may write to it (mode ${(status.mode & 0o7777).toString(8)})` : ''
  })
}

function look(path: string, root: string, problemOf: (file: string) => string): FileView {
  const file = join(root, path)
  try {
    const detail = problemOf(file)
    if (detail !== '') return { path, state: 'wrong', detail }
    accessSync(file, constants.R_OK | constants.W_OK)
    return { path, state: 'usable', detail: '' }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR'
    return { path, state: isAbsent ? 'absent' : 'denied', detail: code }
  }
}

/** The last mount at / counts; the options are the sixth field of a line of mountinfo. */
function isRootReadOnly(mounts: string): boolean {
  const roots = mounts.split('\n').filter((line) => line.split(' ')[4] === '/')
  return /(^|,)ro(,|$)/.test(roots.at(-1)?.split(' ')[5] ?? '')
}
