import { readFileSync, rmSync } from 'node:fs'

import { writeFileInPlace } from '../host/write-file.ts'
import { reasonOf } from '../lib/errors.ts'
import { fileKind } from '../lib/file-kind.ts'
import type { Log } from '../lib/log.ts'

/** Leaves the file alone where a successor has written its own number into it; '' is no file. */
export function removePidfile(path: string): void {
  try {
    if (fileKind(path) !== 'regular') return
    if (readFileSync(path, 'utf8').trim() === String(process.pid)) rmSync(path)
  } catch {
    // It is gone already.
  }
}

/** '' is no file. One that cannot be written is said, no more: as in node-cache, DNS does not depend on it. */
export function writePidfile(path: string, log: Log): void {
  if (path === '') return
  try {
    if (fileKind(path) === 'pipe') throw new Error('is a pipe')
    writeFileInPlace(path, `${process.pid}\n`, 0o644)
  } catch (cause) {
    log.error(`Cannot write the pid file ${path}: ${reasonOf(cause)}`)
  }
}
