import { type Stats, statSync } from 'node:fs'

/** Linux's number of /dev/null: major 1, minor 3. */
const NULL_DEVICE = 0x103

type FileKind = 'none' | 'regular' | 'directory' | 'pipe' | 'other'

/**
 * What `path` leads to, links followed. Who opens a `pipe` waits for somebody at its other end, for ever
 * perhaps; `other` are sockets and devices, of which some never end.
 */
export function fileKind(path: string): FileKind {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return 'none'
  if (stat.isFile()) return 'regular'
  if (stat.isDirectory()) return 'directory'
  return stat.isFIFO() ? 'pipe' : 'other'
}

/** /dev/null or a link to it, by which some say that there is no file: the one device that is at its end. */
export function isNullDevice(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === NULL_DEVICE
}
