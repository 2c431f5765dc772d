import type { Facts } from './facts.ts'

/** How often something happened. */
export interface Rate {
  readonly total: number
  /** While we looked. */
  readonly now: number
  /** `1,204 since boot, 2 in the 2.0 s that we looked`. */
  readonly text: string
}

/**
 * Only what happens while we look is complained of: the average since boot tells of a fault that was repaired a month
 * ago, and not of one that began today.
 *
 * @param before, after of a counter since boot
 */
export function rateOf(
  { watchedSeconds }: Pick<Facts, 'watchedSeconds'>,
  before: number,
  after: number,
): Rate {
  const now = Math.max(0, after - before)
  const text = `${after.toLocaleString('en')} since boot, ${now.toLocaleString('en')} in the ${watchedSeconds.toFixed(1)} s that we looked`
  return { total: after, now, text }
}

/** `NAME: TEXT` of those of these counters that have counted anything since boot. */
export function everCounted(rates: Readonly<Record<string, Rate>>): readonly string[] {
  return Object.entries(rates)
    .filter(([, { total }]) => total > 0)
    .map(([name, { text }]) => `${name}: ${text}`)
}

/** Whether it still happens. */
export function goesOn({ now }: Rate): boolean {
  return now > 0
}
