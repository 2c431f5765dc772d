import { Result } from './counters.ts'

/** What the system's error means for an attempt. */
export function resultOf(code: string | null): Result {
  if (code === 'ECONNREFUSED') return Result.Refused
  if (code !== null && isDistrust(code)) return Result.Untrusted
  return code === 'ETIMEDOUT' ? Result.Timeout : Result.Unreachable
}

/** Whether an error's code is one of TLS or HTTP/2: those of the system have no underscore. */
export function isDistrust(code: string): boolean {
  return code.includes('_') || code === 'EPROTO'
}

/** Whether an error's code says that this machine has no descriptor or port for another socket. */
export function isShortage(code: string): boolean {
  return code === 'EMFILE' || code === 'ENFILE' || code === 'EADDRINUSE'
}

/** The code of an error that a socket emitted. */
export function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message
}
