import type { Log } from '../../src/lib/log.ts'

/** A log that nobody reads. */
export const nullLog: Log = {
  debug() {},
  info() {},
  warning() {},
  error() {},
  fatal() {},
  plugin: () => nullLog,
}
