import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { DnsletError, reasonOf } from '../../lib/errors.ts'
import { fileKind } from '../../lib/file-kind.ts'
import { printable } from '../../lib/printable.ts'

/** What was read, or why it could not be. */
export type Reading<T> = { readonly value: T } | Unread

export interface Unread {
  /** For people, printable, with what is needed where that is known. */
  readonly why: string
  /** Of the error that it was, where it has one: for code, which reads no words. */
  readonly code?: string
}

/** Octets of a file that are read; tables of sockets of a busy node are longer, and are cut there. */
const LIMIT = 4 * 1024 * 1024

/** What an error leaves to be said; `why` in place of its own words. */
export function unreadFor(cause: unknown, why: string = reasonOf(cause)): Unread {
  return cause instanceof DnsletError ? { why, code: cause.code } : { why }
}

/** The value, or undefined where it is not known. */
export function valueOf<T>(reading: Reading<T>): T | undefined {
  return 'value' in reading ? reading.value : undefined
}

/** `use` of the value; why there is none stays. */
export function mapReading<T, U>(reading: Reading<T>, use: (value: T) => U): Reading<U> {
  return 'value' in reading ? { value: use(reading.value) } : reading
}

/**
 * The text of a file of /proc, /sys or /etc, its first 4 MiB at most. Never throws, and never waits: a
 * pipe or a device is not opened.
 *
 * @param root in place of `/`, for tests
 */
export function readText(path: string, root = '/', limit: number = LIMIT): Reading<string> {
  const file = join(root, path)
  try {
    const kind = fileKind(file)
    if (kind !== 'regular')
      return { why: `${path} ${kind === 'none' ? 'does not exist' : `is no file`}` }
    return { value: readUpTo(file, limit) }
  } catch (cause) {
    return { why: `${path} cannot be read (${codeOf(cause)})` }
  }
}

/** The number in a file of one line, as those of /proc/sys are. */
export function readNumber(path: string, root = '/'): Reading<number> {
  const text = readText(path, root, 64)
  if ('why' in text) return text
  const value = Number(text.value.trim() || NaN)
  return Number.isSafeInteger(value) ? { value } : { why: `${path} holds no number` }
}

function codeOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') return `${code}: run it as root`
  return printable(code ?? message)
}

function readUpTo(file: string, limit: number): string {
  const fd = openSync(file, 'r')
  try {
    const parts: Buffer[] = []
    let left = limit
    while (left > 0) {
      const part = Buffer.allocUnsafe(Math.min(left, 65_536))
      const length = readSync(fd, part)
      if (length === 0) break
      parts.push(part.subarray(0, length))
      left -= length
    }
    return Buffer.concat(parts).toString('latin1')
  } finally {
    closeSync(fd)
  }
}
