import { duration } from '../corefile/duration.ts'
import { CorefileError } from '../corefile/error.ts'
import { invalid, UsageError } from './usage-error.ts'

/** Checks cost a little work each: more often than this helps nobody. */
const LEAST_MS = 1_000
/** Node fires a timer beyond this at once. Three weeks: nobody waits for more. */
const MOST_MS = 2 ** 31 - 1

/**
 * The milliseconds of `-syncinterval`, a Go duration. node-cache multiplies its value by a second, so
 * that its users write `60ns` for a minute (and `60s` gives them 147 years): whole nanoseconds mean
 * seconds here too, everything else means what it says.
 *
 * @param warn hears of the former
 * @throws UsageError where it is no duration or under a second
 */
export function syncInterval(value: string, warn: (message: string) => void): number {
  const seconds = /^\+?(\d+)ns$/.exec(value)?.[1]
  const ms = milliseconds(seconds === undefined ? value : `${seconds}s`)
  if (ms === null) {
    throw new UsageError(2, `invalid value "${value}" for flag -syncinterval: parse error`)
  }
  if (ms < LEAST_MS) throw invalid(`invalid syncinterval specified - "${value}": less than 1s`)
  if (seconds !== undefined) {
    warn(`-syncinterval=${value} is taken as ${seconds} s, as node-cache does: write ${seconds}s`)
  }
  return Math.min(ms, MOST_MS)
}

function milliseconds(text: string): number | null {
  try {
    return duration({ text, file: '-syncinterval', line: 0 })
  } catch (error) {
    if (error instanceof CorefileError) return null
    throw error
  }
}
