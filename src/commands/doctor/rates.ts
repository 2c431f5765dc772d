import type { Facts } from './facts.ts'

/** How often something happened. */
export interface Rate {
  readonly total: number
  /** While we looked. */
  readonly now: number
  /** On the average since boot; the total where that is not known. */
  readonly perHour: number
  /** `1,204 since boot (3.1 an hour), 2 while we looked`. */
  readonly text: string
}

/** More than one a minute on the average is no accident of long ago. */
const MANY_PER_HOUR = 60

/** @param before, after of a counter since boot */
export function rateOf(
  { uptimeSeconds }: Pick<Facts, 'uptimeSeconds'>,
  before: number,
  after: number,
): Rate {
  const hours = Math.max((uptimeSeconds ?? 3_600) / 3_600, 1)
  const perHour = after / hours
  const now = Math.max(0, after - before)
  const text = `${after.toLocaleString('en')} since boot (${rounded(perHour)} an hour), ${now} while we looked`
  return { total: after, now, perHour, text }
}

/** Whether it still happens. */
export function isFrequent({ now, perHour }: Rate): boolean {
  return now > 0 || perHour >= MANY_PER_HOUR
}

function rounded(value: number): string {
  return value >= 10 ? Math.round(value).toLocaleString('en') : value.toFixed(1)
}
