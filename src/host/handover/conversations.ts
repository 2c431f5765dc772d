import { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { counter, type MetricSpec } from '../../lib/metrics.ts'
import { plural } from '../../lib/plural.ts'
import { LineLimit } from '../../telemetry/line-limit.ts'
import type { Channel } from './channel.ts'

/**
 * Connections to the hand-over socket that are held at once. A node has one successor at a time; the
 * others are for one that was killed and its replacement, and for who looks whether anybody is there.
 */
export const MAX_CONVERSATIONS = 4

/** Who comes again and again with nonsense is not told of more often. */
const LINES_PER_SECOND = 10

let displaced = 0

export const displacedMetric: MetricSpec = counter(
  'dnslet_handover_displaced_connections_total',
  'Connections to the hand-over socket that gave way to a newer one because too many were open.',
  () => displaced,
)

/**
 * Who talks to us by the hand-over socket, oldest first. Where there are too many, the oldest gives way
 * to the newest, so that who connects and says nothing keeps no successor out; one that is taking over
 * stays. One line of the log for as long as there are too many.
 */
export class Conversations {
  readonly #log: Log
  readonly #open = new Set<Channel>()
  #told = false
  readonly #clock = new Clock()
  readonly #limit: LineLimit

  constructor(log: Log) {
    this.#log = log
    const leftOut = (lines: number): void =>
      log.warning(`${plural(lines, 'more connection')} to the hand-over socket came to nothing`)
    this.#limit = new LineLimit(this.#clock, leftOut, LINES_PER_SECOND)
  }

  /** Logs why a connection came to nothing, ten times a second at most. */
  complain(message: string): void {
    this.#clock.refresh()
    if (this.#limit.allows()) this.#log.warning(message)
  }

  /** Adds one. @param stays the one that must not give way, null where there is none */
  add(channel: Channel, stays: Channel | null): void {
    if (this.#open.size >= MAX_CONVERSATIONS) this.#displace(stays)
    this.#open.add(channel)
  }

  /** Ends one, where it is not over yet. */
  end(channel: Channel): void {
    channel.close()
    this.#open.delete(channel)
    if (this.#open.size === 0) this.#told = false
  }

  /** Whether it has neither ended nor given way. */
  has(channel: Channel): boolean {
    return this.#open.has(channel)
  }

  endAll(): void {
    for (const channel of this.#open) this.end(channel)
  }

  #displace(stays: Channel | null): void {
    for (const channel of this.#open) {
      if (channel === stays) continue
      displaced++
      if (!this.#told) {
        this.#told = true
        this.#log.warning(
          `More than ${MAX_CONVERSATIONS} connections to the hand-over socket: the oldest give way`,
        )
      }
      channel.close()
      this.#open.delete(channel)
      return
    }
  }
}
