import type { Progress } from '../../load/bench.ts'
import { count, time } from './figures.ts'

/** One line of a terminal that says how far a bench is. */
export function progressLine(now: Progress, limitMs: number, width: number): string {
  const left = Math.max(0, now.totalSeconds - now.elapsedSeconds)
  const until = left > 0 ? `${left.toFixed(0)} s left` : 'waiting for the last answers'
  const line = [
    now.label,
    until,
    `${count(now.requests)} look-ups`,
    `${count(now.errors)} errors`,
    `${count(now.overLimit)} over ${time(limitMs)}`,
  ].join(' · ')
  return line.slice(0, Math.max(0, width - 1))
}
