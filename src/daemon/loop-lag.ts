import { beat, type Beat } from '../lib/beat.ts'
import type { Clock } from '../lib/clock.ts'
import { Histogram } from '../lib/counters.ts'
import type { Log } from '../lib/log.ts'
import { histogram, type MetricSpec } from '../lib/metrics.ts'
import { threadCpu } from '../lib/thread-cpu.ts'

/** How often the event loop is expected at its desk, and how often while it computes much. */
const CALM_MS = 1000
const BUSY_MS = 500
/** Part of the time, on the CPU, from which on it computes much, and below which no more. */
const BUSY = 0.5
const CALM = 0.25
/** A client whose query waits longer has asked again. */
const LONG_MS = 1000
/** One long computation may happen, and so may two. */
const TOLERATED_STRETCHES = 4
/** The same warning is repeated after a minute at the earliest. */
const SILENCE_MS = 60_000

export interface LoopLagParts {
  readonly clock: Clock
  readonly log: Log
  /** Milliseconds of CPU that the thread of the event loop has had so far. Default: the kernel's. */
  readonly cpu?: () => number
  /** Default: the process's. */
  readonly beat?: Beat
}

/**
 * How late the event loop is. A timer tells, by how long after its time it runs.
 *
 * A late loop alone makes nobody unhealthy: under a CPU quota, on a crowded node or after SIGSTOP the
 * process did not get to run, and a restart would cost more of what is scarce. What counts is time on
 * the CPU: a loop that again and again computes for more than a second between two turns is caught in
 * something that a restart can end. So who computes is looked at twice a second, and who idles on the beat,
 * which wakes him up anyway.
 */
export class LoopLag {
  /** Seconds the timer was late. */
  readonly lags: Histogram = new Histogram([0.001, 0.005, 0.025, 0.1, 0.25, 1, 2.5, 10])
  readonly #clock: Clock
  readonly #log: Log
  readonly #cpu: () => number
  readonly #beat: Beat
  #endBeats = (): void => {}
  /** While it computes much. */
  #timer: NodeJS.Timeout | null = null
  #last = 0
  #lastCpu = 0
  /** Long computations in a row. */
  #stretches = 0
  #quietUntil = -Infinity

  constructor({ clock, log, cpu = threadCpu, beat: ticks = beat }: LoopLagParts) {
    this.#clock = clock
    this.#log = log
    this.#cpu = cpu
    this.#beat = ticks
  }

  /** Begins to measure. The timer keeps no process alive. */
  start(): void {
    this.#last = this.#clock.refresh()
    this.#lastCpu = this.#cpu()
    this.#endBeats = this.#beat.every(CALM_MS / 1000, () => {
      if (this.#timer === null) this.#tick(CALM_MS)
    })
  }

  stop(): void {
    this.#endBeats()
    this.#follow(false)
  }

  /** Looks twice a second from now on, or at each beat. */
  #follow(busy: boolean): void {
    if (busy) this.#timer ??= setInterval(() => this.#tick(BUSY_MS), BUSY_MS).unref()
    else if (this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  /** What makes the process unhealthy, or null. */
  problem(): string | null {
    if (this.#stretches <= TOLERATED_STRETCHES) return null
    return (
      `the event loop has computed for more than ${LONG_MS / 1000}s between two turns, ` +
      `${this.#stretches} times in a row`
    )
  }

  #tick(interval: number): void {
    const now = this.#clock.refresh()
    const cpu = this.#cpu()
    const late = Math.max(now - this.#last - interval, 0)
    const computed = cpu - this.#lastCpu
    const share = computed / Math.max(now - this.#last, 1)
    this.#last = now
    this.#lastCpu = cpu
    this.lags.observe(late / 1000)
    this.#stretches = computed > LONG_MS ? this.#stretches + 1 : 0
    if (late > LONG_MS) this.#warn(now, late, computed)
    if (share >= BUSY) this.#follow(true)
    else if (share < CALM) this.#follow(false)
  }

  #warn(now: number, late: number, computed: number): void {
    if (now < this.#quietUntil) return
    this.#quietUntil = now + SILENCE_MS
    const starved = computed < late / 2
    const reason = starved ? ': the process was stopped, or its CPU limit is too low' : ''
    this.#log.warning(
      `The event loop was ${Math.round(late)}ms late, and had ${Math.round(computed)}ms of CPU ` +
        `in that time${reason}`,
    )
  }
}

/** The metric of one loop, for the daemon to register. */
export function loopLagMetric({ lags }: Pick<LoopLag, 'lags'>): MetricSpec {
  const help = 'How late a timer of the event loop ran, each second, under load each half.'
  return histogram('dnslet_event_loop_lag_seconds', help, () => lags)
}
