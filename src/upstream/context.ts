import type { Clock } from '../lib/clock.ts'
import { TimerWheel } from '../lib/timer-wheel.ts'
import { FlushList } from './flush-list.ts'

/** What all upstreams of the process share. */
export interface UpstreamContext {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly flushes: FlushList
}

export function makeContext(clock: Clock): UpstreamContext {
  return { clock, wheel: new TimerWheel(clock), flushes: new FlushList() }
}
