import { LONGEST_TIMER_MS } from '../lib/longest-timer.ts'
import type { Transport, UpstreamCounters } from './counters.ts'
import { probe, type ProbeOptions } from './probe.ts'

export interface HealthOptions extends ProbeOptions {
  /** Failed probes in a row that an upstream survives; 0: it is never probed and never down. */
  readonly maxFails: number
  /** Milliseconds between probes. */
  readonly interval: number
  readonly counters: UpstreamCounters
  /** Told of every change. */
  readonly changed: (down: boolean) => void
}

/** CoreDNS takes an interval of 0 and then probes in a busy loop. */
const LEAST_INTERVAL_MS = 50

/**
 * Whether an upstream is to be asked over one transport. Nothing is sent while all is well: only a
 * failure starts a loop of probes, and the first answer ends it. CoreDNS probes over UDP whatever
 * failed, and so takes an upstream that refuses TCP for healthy.
 *
 *     well ──failure──▶ probing ──answer──▶ well
 *                        │    ▲
 *                        └────┘ no answer: fails + 1, wait; down once fails > max_fails
 */
export class Health {
  readonly #options: HealthOptions
  readonly #transport: Transport
  #fails = 0
  /** Ends the probe under way; null while there is none. */
  #probing: AbortController | null = null
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(transport: Transport, options: HealthOptions) {
    this.#transport = transport
    this.#options = options
  }

  get down(): boolean {
    return this.#fails > this.#options.maxFails && this.#options.maxFails > 0
  }

  /** An exchange went wrong: see whether the upstream is alive. */
  suspect(): void {
    if (this.#options.maxFails === 0 || this.#closed) return
    if (this.#probing === null && this.#timer === null) void this.#probe()
  }

  /** The upstream has answered. */
  proven(): void {
    if (this.#fails > 0) this.#setFails(0)
  }

  /** Ends the probes. */
  close(): void {
    this.#closed = true
    this.#probing?.abort()
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  async #probe(): Promise<void> {
    this.#probing = new AbortController()
    const alive = await probe(this.#options, this.#transport, this.#probing.signal)
    this.#probing = null
    if (this.#closed) return
    if (alive) this.#setFails(0)
    else {
      this.#options.counters.healthFailures++
      this.#setFails(this.#fails + 1)
    }
    // After a success too: slow answers are suspected often, and one probe at a time is enough.
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        if (!alive) void this.#probe()
      },
      Math.min(Math.max(this.#options.interval, LEAST_INTERVAL_MS), LONGEST_TIMER_MS),
    )
    this.#timer.unref()
  }

  #setFails(fails: number): void {
    const before = this.down
    this.#fails = fails
    if (this.down !== before) this.#options.changed(this.down)
  }
}
