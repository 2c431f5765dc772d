import type { Endpoint } from '../lib/address.ts'
import { reasonOf } from '../lib/errors.ts'
import type { HeldSocket } from '../lib/held-socket.ts'
import { Holds } from '../lib/holds.ts'
import type { Listeners } from '../net/listeners.ts'
import type { Services } from '../serve/plugin.ts'
import type { Corefile, Fallback, Source } from '../source/corefile-source.ts'
import { watchFile } from '../source/watch-directory.ts'
import type { HttpListeners } from '../telemetry/http.ts'
import { ageKept, exportKept, importKept, type ReceiveCache } from './cache-handover.ts'
import { KeptStates } from './kept-states.ts'
import { OpenListeners, untilIdle } from './open-listeners.ts'
import { panicked } from './panics.ts'
import { loadWithMetrics } from './metrics.ts'
import { CorefileWatcher, reloadCounters } from './reload.ts'
import { Runtime, type RuntimeParts } from './runtime.ts'
import { rejected } from './rejected.ts'
import type { OtherServers } from './status-probe.ts'
import { SelfChecks } from './self-checks.ts'

const STARTING = 'Starting'
const ENDING = 'Shutting down'

/** What a daemon is made of. */
export interface DaemonParts
  extends Pick<Services, 'clock' | 'log' | 'memory'>, Partial<Pick<Services, 'coming'>> {
  readonly source: Source
  /** What to serve at start where `source` gives nothing that can be: the first that is not null. */
  readonly fallbacks?: readonly Fallback[]
  /** Told of each configuration that serves, once its plugins have found nothing against it. */
  readonly inService?: (corefile: Corefile) => void
  /** Port of server blocks that name none. */
  readonly port: number
  readonly listeners: Listeners
  readonly http: HttpListeners
  /** Where there is a predecessor, its cache. */
  readonly receiveCache?: ReceiveCache | null
  /** Who else serves these addresses. Default: nobody. */
  readonly neighbours?: OtherServers
  /** A plugin found that the first configuration must not go on. */
  readonly fatal: (message: string) => void
  /** Whether listeners may be bound to addresses that this machine gets later: those of others. */
  readonly freeBind?: boolean
  /** Why nobody should be sent here: others may have reasons of their own. */
  readonly readiness?: Holds
  /** What else makes the process unhealthy: its event loop, its receive queues; null for nothing. */
  readonly vitals?: () => string | null
}

/**
 * The serving process: the open sockets, and the configuration that answers behind them.
 *
 *   listener ──dispatch──▶ Server ─▶ block ─▶ chain        a reload swaps what is right of dispatch
 */
export class Daemon {
  readonly http: HttpListeners
  /** Why `/ready` says no, whatever the plugins say. */
  readonly readiness: Holds
  readonly #parts: DaemonParts
  readonly #runtimeParts: RuntimeParts
  readonly #kept = new KeptStates()
  readonly #open: OpenListeners
  readonly #checks: SelfChecks
  readonly #watcher: CorefileWatcher<Corefile>
  #runtime: Runtime
  #corefile: Corefile
  /** True once the configuration in force is to end with the process. */
  #ending = false
  /** Resolves when HTTP has been let go; null while nothing has. */
  #httpDrained: Promise<void> | null = null
  /** The configuration that a reload tries, and how to give it up. */
  #candidate: { runtime: Runtime | null; readonly giveUp: (error: Error) => void } | null = null

  /**
   * Loads the Corefile and serves it, or else what the fallbacks give. Rejects with what is wrong with
   * the Corefile, and nothing left open, where none of them can be served.
   */
  static async start(parts: DaemonParts): Promise<Daemon> {
    let failed: string | null = null
    try {
      const corefile = parts.source.load()
      failed = corefile.hash
      return await Daemon.#serve(parts, corefile)
    } catch (error) {
      for (const fallback of parts.fallbacks ?? []) {
        const corefile = fallback(error, failed)
        try {
          if (corefile !== null) return await Daemon.#serve(parts, corefile)
        } catch (cause) {
          parts.log.error(`Cannot serve that either: ${reasonOf(cause)}`)
        }
      }
      throw error
    }
  }

  static async #serve(parts: DaemonParts, corefile: Corefile): Promise<Daemon> {
    await loadWithMetrics(corefile.blocks)
    const daemon = new Daemon(parts, corefile)
    const runtime = daemon.#runtime
    try {
      // Before any socket is open: the first queries are to find it.
      if (parts.receiveCache) await importKept(daemon.#kept, parts, parts.receiveCache)
      await runtime.prepare()
      await daemon.#open.serve(runtime)
      await daemon.#watcher.first(() => runtime.start())
      daemon.readiness.release(STARTING)
    } catch (error) {
      await daemon.#watcher.stop()
      await daemon.#open.closeExcept([])
      await runtime.stop(false)
      throw error
    }
    void runtime.settled().then(() => daemon.#found(runtime, corefile))
    return daemon
  }

  private constructor(parts: DaemonParts, corefile: Corefile) {
    const { source, clock, memory, log, port, http, coming = null } = parts
    this.#parts = parts
    this.http = http
    this.#open = new OpenListeners(parts.listeners)
    this.#checks = new SelfChecks({ ...parts, open: this.#open })
    this.#corefile = corefile
    this.readiness = parts.readiness ?? new Holds()
    this.readiness.hold(STARTING)
    this.#watcher = new CorefileWatcher({
      running: corefile.hash,
      load: () => source.load(),
      apply: (loaded) => this.#apply(loaded),
      log,
      counters: reloadCounters,
      ...(source.path === null ? {} : { notify: (changed) => watchFile(source.path!, changed) }),
    })
    this.#runtimeParts = {
      port,
      services: { clock, log, http, memory, coming },
      life: {
        readiness: this.readiness,
        selfCheck: () => this.selfCheck(),
        untilIdle: (quietMs, limitMs) => untilIdle(this.#open.all, clock, quietMs, limitMs),
        watchCorefile: (interval, jitter) => this.#watcher.watch(interval, jitter),
      },
      kept: this.#kept,
      fatal: (runtime, message) => this.#fatal(runtime, message),
      warn: (message) => log.warning(message),
      rejected,
      panicked: (cause, q) => panicked(log, cause, q),
    }
    this.#runtime = new Runtime(corefile.blocks, this.#runtimeParts)
  }

  /** Where this daemon listens over UDP and TCP, with the ports the kernel chose. */
  get addresses(): readonly Endpoint[] {
    return this.#open.plain
  }

  /** What is served. */
  get corefile(): Corefile {
    return this.#corefile
  }

  /** The configuration in force. */
  get runtime(): Runtime {
    return this.#runtime
  }

  /** See `Listeners.sharePort`. */
  sharePort(shared: boolean): void {
    this.#parts.listeners.sharePort(shared)
  }

  /** Reads the Corefile again and applies it, changed or not. Never rejects: failures are logged. */
  reload(): Promise<void> {
    return this.#watcher.trigger()
  }

  /** Looks soon whether the Corefile has changed, and applies what is new. */
  recheck(): void {
    this.#watcher.changed()
  }

  /**
   * What is wrong with the process, or null: its event loop, its receive queues, the answers of every listener.
   * Who asks within half a second of another, as `health` and interception do, shares its check. Never rejects.
   */
  selfCheck(): Promise<string | null> {
    return this.#checks.check()
  }

  /**
   * Asks itself for `name`, an absolute domain name in lower case, over UDP and TCP, behind every listener that
   * serves it: what clients get once the listeners' addresses are local. Null, or what is wrong. Never rejects.
   */
  selfQuery(name: string): Promise<string | null> {
    return this.#open.selfQuery(this.#runtime, name)
  }

  /** The addresses of `name`, as clients get them; none where there are none. */
  lookUp(name: string): Promise<readonly string[]> {
    return this.#open.lookUp(this.#runtime, name)
  }

  /** Ready no more from this moment on, and answers as long as `health`'s lameduck wants. */
  async lameduck(): Promise<void> {
    await this.#beginEnd()
    // What a successor serves needs no farewell.
    if (this.#httpDrained === null) await this.#runtime.lameduck()
  }

  /** Ends serving without waiting for anybody but queries under way. */
  async stop(): Promise<void> {
    await this.#beginEnd()
    await this.#open.closeExcept([])
    await this.#runtime.stop(true)
  }

  #beginEnd(): Promise<void> {
    this.#ending = true
    this.readiness.hold(ENDING)
    this.#candidate?.giveUp(new Error('the daemon shuts down'))
    return this.#watcher.stop()
  }

  /** The open sockets, for a successor to have copies of. */
  held(): readonly HeldSocket[] {
    return [...this.#open.all.flatMap((listener) => listener.held()), ...this.http.held()]
  }

  /** The cache in pieces, each to be used before the next is asked for. */
  exportCache(): Iterable<Buffer> {
    return exportKept(this.#kept, this.#parts.clock)
  }

  /** What is cached is so many milliseconds older than it seemed: see `LostTime`. */
  ageCache(ms: number): void {
    ageKept(this.#kept, ms)
  }

  /** Reads sockets that a predecessor has read alone up to now. */
  begin(): void {
    for (const listener of this.#open.all) listener.begin()
  }

  /** Reads and accepts no more, on DNS and HTTP: that is the successor's from now on. */
  async stopReading(): Promise<void> {
    this.#candidate?.giveUp(new Error('the daemon hands over'))
    await this.#watcher.stop()
    for (const listener of this.#open.all) listener.stopReading()
    this.#httpDrained = this.http.stopReading()
  }

  /** After `stopReading()`: ends once all queries are answered and no client is connected any more. */
  async drain(): Promise<void> {
    await Promise.all(this.#open.all.map((listener) => listener.drained()))
    await this.#httpDrained
    await this.stop()
  }

  /** Puts a new configuration into service; the old one is kept until that has started well. */
  async #apply(corefile: Corefile): Promise<void> {
    const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>()
    const candidate = (this.#candidate = { runtime: null as Runtime | null, giveUp })
    let next: Runtime | null = null
    let undo: (() => Promise<void>) | null = null
    try {
      await Promise.race([loadWithMetrics(corefile.blocks), givenUp])
      candidate.runtime = next = new Runtime(corefile.blocks, this.#runtimeParts)
      await Promise.race([next.prepare(), givenUp])
      undo = await this.#open.serve(next)
      await next.start()
      await Promise.race([next.settled(), givenUp])
    } catch (error) {
      await undo?.()
      await next?.stop(false)
      throw error
    } finally {
      this.#candidate = null
      givenUp.catch(() => {})
    }
    const old = this.#runtime
    this.#runtime = next
    this.#corefile = corefile
    await this.#open.closeExcept(next.endpoints)
    await old.stop(false)
    this.#found(next, corefile)
  }

  #found(runtime: Runtime, corefile: Corefile): void {
    if (runtime === this.#runtime && !this.#ending) this.#parts.inService?.(corefile)
  }

  #fatal(runtime: Runtime, message: string): void {
    if (this.#candidate?.runtime === runtime) this.#candidate.giveUp(new Error(message))
    else if (runtime === this.#runtime) {
      this.#ending = true
      this.#parts.fatal(message)
    }
  }
}
