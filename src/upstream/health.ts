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
  readonly #o: HealthOptions
  readonly #transport: Transport
  #fails = 0
  #stopProbe: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(transport: Transport, options: HealthOptions) {
    this.#transport = transport
    this.#o = options
  }

  get down(): boolean {
    return this.#fails > this.#o.maxFails && this.#o.maxFails > 0
  }

  /** An exchange went wrong: see whether the upstream is alive. */
  suspect(): void {
    if (this.#o.maxFails === 0 || this.#closed) return
    if (this.#stopProbe === null && this.#timer === null) this.#probe()
  }

  /** The upstream has answered. */
  proven(): void {
    if (this.#fails > 0) this.#setFails(0)
  }

  /** Ends the probes. */
  close(): void {
    this.#closed = true
    this.#stopProbe?.()
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #probe(): void {
    this.#stopProbe = probe(this.#o, this.#transport, (alive) => this.#probed(alive))
  }

  #probed(alive: boolean): void {
    this.#stopProbe = null
    if (alive) this.#setFails(0)
    else {
      this.#o.counters.healthFailures++
      this.#setFails(this.#fails + 1)
    }
    // After a success too: slow answers are suspected often, and one probe at a time is enough.
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        if (!alive) this.#probe()
      },
      Math.max(this.#o.interval, LEAST_INTERVAL_MS),
    )
    this.#timer.unref()
  }

  #setFails(fails: number): void {
    const before = this.down
    this.#fails = fails
    if (this.down !== before) this.#o.changed(this.down)
  }
}
