import { monotonic } from '../node-probe/monotonic.ts'

/**
 * DNSLET_SCENARIO=full: the rates and repetitions of the bounds that are promised, and the bounds
 * themselves in milliseconds. Otherwise scenarios are short, and assert what is lost and who
 * answers; a machine shared with other work keeps no time.
 */
export const isFull: boolean = process.env['DNSLET_SCENARIO'] === 'full'

/** One of two values, by the mode. */
export function inFull<T>(full: T, otherwise: T): T {
  return isFull ? full : otherwise
}

/** Sends a signal; the time just before, of `monotonic()`. */
export function signal(pid: number, name: NodeJS.Signals): number {
  const at = monotonic()
  process.kill(pid, name)
  return at
}
