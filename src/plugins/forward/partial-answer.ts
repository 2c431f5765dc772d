import type { Clock } from '../../lib/clock.ts'
import { Transport } from '../../upstream/counters.ts'
import type { Upstream } from '../../upstream/upstream.ts'

/** A client over UDP that could ask over TCP itself waits no longer for TCP, which may be barred, to bring the rest. */
const PARTIAL_MS = 1000
/** How long an upstream is held for mute: what becomes of TCP meanwhile, clients that ask over it find out. */
const MUTE_MS = 30_000

/**
 * Upstreams with truncated answers that were silent over TCP, as behind a firewall that bars it. Health checks
 * find that out as well, but take several seconds, and may be off.
 */
export class MuteServers {
  readonly #until = new WeakMap<Upstream, number>()
  #isEmpty = true

  add(upstream: Upstream, now: number): void {
    this.#isEmpty = false
    this.#until.set(upstream, now + MUTE_MS)
  }

  has(upstream: Upstream, now: number): boolean {
    return now < (this.#until.get(upstream) ?? 0)
  }

  /** It has answered over TCP. Costs nothing where none was ever mute. */
  answered(upstream: Upstream): void {
    if (!this.#isEmpty) this.#until.delete(upstream)
  }
}

/** The truncated answer of an errand that waits for its rest, if there is one. */
export class PartialAnswer {
  readonly #clock: Clock
  readonly #mute: MuteServers
  #upstream: Upstream | null = null
  #since = 0

  constructor(clock: Clock, mute: MuteServers) {
    this.#clock = clock
    this.#mute = mute
  }

  /** It has come from `upstream`: how many milliseconds the rest may take. */
  begin(upstream: Upstream): number {
    const { now } = this.#clock
    this.#upstream = upstream
    this.#since = now
    return upstream.isDown(Transport.Tcp) || this.#mute.has(upstream, now) ? 1 : PARTIAL_MS
  }

  /** Nobody waits any more. Who was silent all the time is mute. */
  timeUp(): void {
    const { now } = this.#clock
    if (this.#upstream !== null && now - this.#since >= PARTIAL_MS) {
      this.#mute.add(this.#upstream, now)
    }
  }

  end(): void {
    this.#upstream = null
  }
}
