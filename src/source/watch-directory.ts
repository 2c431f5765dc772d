import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Ends a watch. */
export type StopWatching = () => void

/**
 * Calls `changed` when the file at `path` may have changed: it was written or replaced, or the
 * `..data` link was, through which Kubernetes swaps all files of a mounted ConfigMap at once. The
 * directory is watched, not the file: a watch on a replaced file sees nothing any more.
 *
 * Where the system offers no watch, or it ends (directory removed), nobody is told: callers poll too.
 */
export function watchFile(path: string, changed: () => void): StopWatching {
  const file = basename(path)
  return watchDirectory(dirname(path), (name) => {
    if (name === null || name === file || name === '..data') changed()
  })
}

/** The same for a whole directory; `changed` hears the name of the file, null where it is not known. */
export function watchDirectory(
  directory: string,
  changed: (name: string | null) => void,
): StopWatching {
  try {
    const watcher = watch(directory, { persistent: false }, (_event, name) => changed(name))
    watcher.on('error', () => watcher.close())
    return () => watcher.close()
  } catch {
    return () => undefined
  }
}
