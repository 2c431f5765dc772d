import type { Listener } from '../net/open-listener.ts'
import { type Answering, type Checked, checkListeners } from './status-probe.ts'

/**
 * Milliseconds until a listener that is well is asked over TCP again: five checks, which come each second.
 * A connection costs more than all else of a check, most of it on the side of the server.
 */
const TCP_MS = 4_500

/** What checks need to know of a listener. */
export type CheckedListener = Pick<Listener, 'host' | 'port' | 'unaccepted'>

/** What was found of a listener over TCP. */
interface Found {
  /** When it was asked last, and was well. */
  readonly at: number
  /** Whether connections waited at the last check. */
  waiting: boolean
}

/**
 * The questions to our own listeners: each check asks every one over UDP, which proves address, event loop
 * and answers. What TCP can lose beside these the kernel tells of, at each check: that nobody listens, and
 * connections that nobody accepts. Whoever that, or anything else, makes doubtful is asked over TCP as well
 * in the same check; who is well, every five seconds. So only what neither shows, such as a firewall's rule
 * for TCP alone, is found up to four checks later.
 *
 *     doubtful ──TCP answers──▶ well ──4.5 s, not listening, not accepting, a failed check──▶ doubtful
 */
export class ListenerChecks {
  readonly #found = new WeakMap<CheckedListener, Found>()

  /** As `checkListeners()`, at `now` in milliseconds of a monotonic clock. */
  async check(
    listeners: readonly CheckedListener[],
    now: number,
    intercepting: boolean,
    from: Answering,
  ): Promise<string | null> {
    const checked = listeners.map((one): Checked => {
      return { host: one.host, port: one.port, overTcp: this.#isDoubtful(one, now) }
    })
    const problem = await checkListeners(checked, intercepting, from)
    listeners.forEach((one, i) => {
      if (problem !== null) this.#found.delete(one)
      else if (checked[i]!.overTcp === true) this.#found.set(one, { at: now, waiting: false })
    })
    return problem
  }

  #isDoubtful(one: CheckedListener, now: number): boolean {
    const found = this.#found.get(one)
    const unaccepted = one.unaccepted()
    if (found === undefined || unaccepted === null || now - found.at >= TCP_MS) return true
    const waited = found.waiting
    found.waiting = unaccepted > 0
    return waited && found.waiting
  }
}
