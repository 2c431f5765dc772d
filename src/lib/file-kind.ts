import { statSync } from 'node:fs'

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
