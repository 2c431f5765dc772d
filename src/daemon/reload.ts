import type { ServerBlock } from '../corefile/parse.ts'
import { reasonOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { LONGEST_TIMER_MS } from '../lib/longest-timer.ts'
import { counter, gauge, type MetricSpec } from '../lib/metrics.ts'
import { oneAtATime } from '../lib/one-at-a-time.ts'
import { isLastGoodInUse } from '../source/last-good.ts'
import type { StopWatching } from '../source/watch-directory.ts'

/** A Corefile that has been read: its blocks and the hash of what they say. */
export interface LoadedBlocks {
  readonly hash: string
  readonly blocks: readonly ServerBlock[]
}

/** A Corefile that could not be put into service: an earlier one is served. */
export interface Refusal {
  /** When that was first seen, milliseconds since 1970. */
  readonly at: number
  readonly reason: string
}

/** What became of reloads. */
export interface ReloadCounters {
  failed: number
  /** The Corefile as it is now, where it is refused; null where it is the one that is served. */
  refused: Refusal | null
  /** SHA-512 of the configuration the last successful reload brought in, null before the first. */
  version: string | null
}

/** Those of the process. */
export const reloadCounters: ReloadCounters = { failed: 0, refused: null, version: null }

export const reloadMetrics: readonly MetricSpec[] = [
  counter(
    'coredns_reload_failed_total',
    'Reloads that failed: the Corefile could not be read or its configuration not be used.',
    () => reloadCounters.failed,
  ),
  gauge(
    'dnslet_corefile_last_good_in_use',
    '1 while an earlier Corefile is served because the present one cannot be.',
    () => (isLastGoodInUse() || reloadCounters.refused !== null ? 1 : 0),
  ),
  {
    name: 'coredns_reload_version_info',
    help: 'Hash of the configuration that the last successful reload brought in; the value is 1.',
    type: 'gauge',
    labels: ['hash', 'value'],
    collect: (emit) => {
      if (reloadCounters.version !== null) emit(['sha512', reloadCounters.version], 1)
    },
  },
]

export interface WatcherParts<T extends LoadedBlocks> {
  /** Hash of the configuration that runs when the watcher is made. */
  readonly running: string
  /** Reads the Corefile; throws where it cannot be read or parsed. */
  load(): T
  /** Puts a configuration into service; rejects where the old one stays. */
  apply(loaded: T): Promise<void>
  readonly log: Log
  readonly counters: ReloadCounters
  /** Tells of changes between two polls; absent for a Corefile from standard input. */
  readonly notify?: (changed: () => void) => StopWatching
  /** Uniform in [0, 1); Math.random where absent. */
  readonly random?: () => number
}

interface Schedule {
  readonly interval: number
  readonly jitter: number
}

/** What is followed now, and how that ends. */
interface Followed extends Schedule {
  readonly poll: NodeJS.Timeout
  readonly stopWatching: StopWatching | undefined
}

/** Writers touch a file more than once: wait until they are through. */
const DEBOUNCE_MS = 100

type State = 'following' | 'applying' | 'stopped'

/**
 * Reloads the Corefile when it changes or when it is told to. One reload runs at a time.
 *
 *            poll timer, notification ──▶ check: apply only what is new and has not failed
 *   SIGUSR1 ────────────────────────────▶ trigger: apply whatever is there
 *
 *     following ──▶ applying ──▶ following    the new configuration; where it failed, the old one
 *         └──────stop()────┴───▶ stopped
 *
 * Polling follows the configuration in force: `watch()` while one is applied counts once that succeeds,
 * and a new configuration without `reload` ends it. `trigger()` and `changed()` work without it too.
 */
export class CorefileWatcher<T extends LoadedBlocks> {
  readonly #parts: WatcherParts<T>
  readonly #log: Log
  readonly #inTurn = oneAtATime()
  #state: State = 'following'
  #running: string
  /** What failed to reload and is not tried again until the Corefile says something else. */
  #failed: { readonly hash: string; readonly refusal: Refusal } | null = null
  /** Why the Corefile could not be read at the last attempt. */
  #unreadable: string | null = null
  /** What the configuration being applied asks for. */
  #offered: Schedule | null = null
  /** The check that waits for its turn: one is enough. */
  #nextCheck: Promise<void> | null = null
  #followed: Followed | null = null
  #debounce: NodeJS.Timeout | null = null

  constructor(parts: WatcherParts<T>) {
    this.#parts = parts
    this.#log = parts.log.plugin('reload')
    this.#running = parts.running
  }

  /**
   * Polls every `intervalMs` plus a jitter from [−jitterMs/2, +jitterMs/2), drawn anew for each
   * configuration. The last call wins; while one is applied it takes effect when that has succeeded.
   */
  watch(intervalMs: number, jitterMs: number): void {
    const schedule = { interval: intervalMs, jitter: jitterMs }
    // Every block with `reload` asks; most ask for the same.
    const isSame = this.#followed?.interval === intervalMs && this.#followed.jitter === jitterMs
    if (this.#state === 'applying') this.#offered = schedule
    else if (!isSame) this.#follow(schedule)
  }

  /** Runs the start of the first configuration, which may take seconds. A reload that `watch()` brings about follows it. */
  first(start: () => Promise<void>): Promise<void> {
    return this.#inTurn(start)
  }

  /** Reads the Corefile anew and applies it even if unchanged (SIGUSR1). Never rejects. */
  trigger(): Promise<void> {
    return this.#inTurn(() => this.#reload(true))
  }

  /** Looks at the Corefile soon, with and without polling: something it is made of may have changed. */
  changed(): void {
    if (this.#state === 'stopped') return
    if (this.#debounce !== null) clearTimeout(this.#debounce)
    this.#debounce = setTimeout(() => this.#check(), DEBOUNCE_MS)
  }

  /** Ends polling and notifications; a reload under way is waited for. */
  async stop(): Promise<void> {
    this.#enter('stopped')
    this.#follow(null)
    if (this.#debounce !== null) clearTimeout(this.#debounce)
    await this.#inTurn(() => Promise.resolve())
  }

  /** What is stopped stays so. */
  #enter(state: State): void {
    if (this.#state !== 'stopped') this.#state = state
  }

  /** Polls as the configuration in force wants it; null for no more. */
  #follow(schedule: Schedule | null): void {
    clearInterval(this.#followed?.poll)
    this.#followed?.stopWatching?.()
    this.#followed = null
    if (schedule === null || this.#state === 'stopped') return
    this.#log.info(`Running configuration SHA512 = ${this.#running}`)
    const jitter = schedule.jitter * ((this.#parts.random ?? Math.random)() - 0.5)
    const period = Math.min(schedule.interval + jitter, LONGEST_TIMER_MS)
    this.#followed = {
      ...schedule,
      poll: setInterval(() => this.#check(), period),
      stopWatching: this.#parts.notify?.(() => this.changed()),
    }
  }

  #check(): void {
    if (this.#nextCheck !== null) return
    this.#nextCheck = this.#inTurn(() => {
      this.#nextCheck = null
      return this.#reload(false)
    })
  }

  async #reload(forced: boolean): Promise<void> {
    if (this.#state === 'stopped') return
    const loaded = this.#read(forced)
    if (loaded === null) return
    if (!forced && loaded.hash === this.#running) {
      // Back to what runs: should the failed configuration return, it deserves another try.
      this.#parts.counters.refused = this.#failed = null
    } else if (forced || loaded.hash !== this.#failed?.hash) {
      await this.#apply(loaded, forced)
    } else this.#parts.counters.refused = this.#failed.refusal
  }

  #read(forced: boolean): T | null {
    try {
      const loaded = this.#parts.load()
      this.#unreadable = null
      return loaded
    } catch (error) {
      const reason = reasonOf(error)
      // A broken Corefile is warned of at each poll, but it is one failure until it changes.
      if (forced || reason !== this.#unreadable) this.#parts.counters.failed++
      if (reason !== this.#unreadable) this.#parts.counters.refused = refusal(reason)
      this.#unreadable = reason
      if (forced) this.#parts.log.error(`Restart failed: ${reason}`)
      else this.#log.warning(`Corefile parse failed: ${reason}`)
      return null
    }
  }

  async #apply(loaded: T, forced: boolean): Promise<void> {
    const { counters, log } = this.#parts
    log.info('Reloading')
    this.#offered = null
    this.#enter('applying')
    try {
      await this.#parts.apply(loaded)
    } catch (error) {
      counters.failed++
      counters.refused = refusal(reasonOf(error))
      this.#failed = { hash: loaded.hash, refusal: counters.refused }
      if (forced) log.error(`Restart failed: ${reasonOf(error)}`)
      else this.#log.error(`Corefile changed but reload failed: ${reasonOf(error)}`)
      return
    } finally {
      this.#enter('following')
    }
    this.#running = counters.version = loaded.hash
    counters.refused = this.#failed = null
    this.#follow(this.#offered)
    log.info('Reloading complete')
  }
}

function refusal(reason: string): Refusal {
  return { at: Date.now(), reason }
}
