import { readFileSync, rmSync, writeFileSync } from 'node:fs'

import { DnsletError, reasonOf } from '../lib/errors.ts'
import { fileKind } from '../lib/file-kind.ts'

/** Leaves the file alone where a successor has written its own number into it; '' is no file. */
export function removePidfile(path: string): void {
  try {
    if (fileKind(path) !== 'regular') return
    if (readFileSync(path, 'utf8').trim() === String(process.pid)) rmSync(path)
  } catch {
    // It is gone already.
  }
}

/** Throws DnsletError, E_PIDFILE, where the file cannot be written. */
export function writePidfile(path: string): void {
  try {
    if (fileKind(path) === 'pipe') throw new Error('is a pipe')
    writeFileSync(path, `${process.pid}\n`, { mode: 0o644 })
  } catch (cause) {
    const message = `Cannot write the pid file ${path}: ${reasonOf(cause)}`
    throw new DnsletError('E_PIDFILE', message, { cause })
  }
}
