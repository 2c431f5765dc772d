import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../lib/clock.ts'
import type { Listener } from '../net/listeners.ts'
import { isSelfCheck } from './self-check.ts'

/**
 * Waits until no client has sent a query for `quietMs` milliseconds, `limitMs` at most. Resolves to
 * whether that came about. The daemon's own checks are no clients.
 *
 * From here on each query of these listeners passes one more function: a daemon that is about to end
 * can afford it, and while it serves, nobody pays for a question that is asked once.
 */
export async function untilIdle(
  listeners: Iterable<Pick<Listener, 'dispatch'>>,
  clock: Clock,
  quietMs: number,
  limitMs: number,
): Promise<boolean> {
  const began = clock.refresh()
  let lastQuery = began
  for (const listener of listeners) {
    const { dispatch } = listener
    listener.dispatch = (q) => {
      if (!isSelfCheck(q)) lastQuery = clock.now
      dispatch(q)
    }
  }
  for (;;) {
    const now = clock.refresh()
    const [idleAt, limit] = [lastQuery + quietMs, began + limitMs]
    if (now >= idleAt) return true
    if (now >= limit) return false
    await sleep(Math.max(Math.min(idleAt, limit) - now, 1))
  }
}
