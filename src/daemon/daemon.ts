import type { ByteBudget } from '../lib/byte-budget.ts'
import type { Clock } from '../lib/clock.ts'
import type { HeldSocket } from '../lib/held-socket.ts'
import type { Log } from '../lib/log.ts'
import type { Listener, Listeners } from '../net/listeners.ts'
import { panicked } from '../plugins/prometheus/panics.ts'
import { recordDropped } from '../plugins/prometheus/dropped.ts'
import { reloadCounters } from '../plugins/reload/counters.ts'
import type { Handler } from '../serve/plugin.ts'
import { heldHttp, letGoHttp } from '../telemetry/http.ts'
import { exportKept, importKept, type ReceiveCache } from './cache-handover.ts'
import type { Corefile, CorefileSource } from './corefile-source.ts'
import { KeptStates } from './kept-states.ts'
import { CorefileWatcher } from './reload.ts'
import { Runtime, type Endpoint, type RuntimeParts } from './runtime.ts'
import { checkListeners, isSelfCheck, type ListeningAddress } from './self-check.ts'
import { watchFile } from './watch-directory.ts'

export interface DaemonParts {
  readonly source: CorefileSource
  /** Port of server blocks that name none. */
  readonly port: number
  readonly clock: Clock
  readonly log: Log
  readonly cacheBudget: ByteBudget
  readonly listeners: Listeners
  /** Where there is a predecessor, its cache. */
  readonly receiveCache?: ReceiveCache | null
  /** A plugin found that the first configuration must not go on. */
  readonly fatal: (message: string) => void
}

/** How long a closing listener waits for the answers its clients still wait for. */
const DRAIN_MS = 5000

/**
 * The serving process: the open sockets, and the configuration that answers behind them.
 *
 *   listener ──dispatch──▶ Server ─▶ block ─▶ chain        a reload swaps what is right of dispatch
 */
export class Daemon {
  readonly #parts: DaemonParts
  readonly #runtimeParts: RuntimeParts
  readonly #kept = new KeptStates()
  readonly #open = new Map<string, Listener>()
  readonly #watcher: CorefileWatcher<Corefile>
  #runtime: Runtime
  /** Resolves when HTTP has been let go; null while nothing has. */
  #letGo: Promise<void> | null = null
  /** The configuration that a reload tries, and how to give it up. */
  #candidate: { readonly runtime: Runtime; readonly giveUp: (error: Error) => void } | null = null

  /** Loads the Corefile and serves it. Rejects, with nothing left open, where that cannot be done. */
  static async start(parts: DaemonParts): Promise<Daemon> {
    const corefile = parts.source.load()
    const daemon = new Daemon(parts, corefile)
    try {
      // Before any socket is open: the first queries are to find it.
      if (parts.receiveCache) await importKept(daemon.#kept, parts, parts.receiveCache)
      await daemon.#openAll(daemon.#runtime)
      await daemon.#runtime.start()
    } catch (error) {
      await daemon.#abandonStart()
      throw error
    }
    return daemon
  }

  private constructor(parts: DaemonParts, corefile: Corefile) {
    const { source, clock, cacheBudget, log, port } = parts
    this.#parts = parts
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
      services: { clock, log, cacheBudget, selfCheck: () => checkListeners(this.addresses) },
      kept: this.#kept,
      watchCorefile: (_runtime, interval, jitter) => this.#watcher.watch(interval, jitter),
      fatal: (runtime, message) => this.#fatal(runtime, message),
      warn: (message) => log.warning(message),
      rejected: (q) => {
        if (!isSelfCheck(q)) recordDropped(q)
      },
      panicked: (cause, q) => panicked(log, cause, q),
    }
    this.#runtime = new Runtime(corefile.blocks, this.#runtimeParts)
  }

  /** Where this daemon listens, with the ports the kernel chose. */
  get addresses(): readonly ListeningAddress[] {
    return [...this.#open.values()]
  }

  /** The configuration in force. */
  get runtime(): Runtime {
    return this.#runtime
  }

  /** Reads the Corefile again and applies it, changed or not. Never rejects: failures are logged. */
  reload(): Promise<void> {
    return this.#watcher.trigger()
  }

  /** Ends serving: lameduck, then the sockets once they are drained, then the plugins. */
  async shutdown(): Promise<void> {
    this.#candidate?.giveUp(new Error('the daemon shuts down'))
    await this.#watcher.stop()
    // What a successor serves needs no farewell.
    if (this.#letGo === null) await this.#runtime.lameduck()
    await this.stop()
  }

  /** Ends serving without waiting for anybody but queries under way. */
  async stop(): Promise<void> {
    this.#candidate?.giveUp(new Error('the daemon shuts down'))
    await this.#watcher.stop()
    await this.#closeExcept(new Set())
    await this.#runtime.stop(true)
  }

  /** The open sockets, for a successor to have copies of. */
  held(): readonly HeldSocket[] {
    return [...[...this.#open.values()].flatMap((listener) => listener.held()), ...heldHttp()]
  }

  /** The cache in pieces, each to be used before the next is asked for. */
  exportCache(): Iterable<Buffer> {
    return exportKept(this.#kept, this.#parts.clock)
  }

  /** Reads and accepts no more, on DNS and HTTP: that is the successor's from now on. */
  async letGo(): Promise<void> {
    this.#candidate?.giveUp(new Error('the daemon hands over'))
    await this.#watcher.stop()
    for (const listener of this.#open.values()) listener.letGo()
    this.#letGo = letGoHttp()
  }

  /** After `letGo()`: ends once all queries are answered and no client is connected any more. */
  async retire(): Promise<void> {
    await Promise.all([...this.#open.values()].map((listener) => listener.settled()))
    await this.#letGo
    await this.stop()
  }

  async #abandonStart(): Promise<void> {
    await this.#watcher.stop()
    await this.#closeExcept(new Set())
    await this.#runtime.stop(false)
  }

  /** Opens what is not open yet and lets `runtime` answer. Returns how to undo that. */
  async #openAll(runtime: Runtime): Promise<() => Promise<void>> {
    const before = new Map<string, Handler>()
    for (const [name, listener] of this.#open) before.set(name, listener.dispatch)
    const undo = async (): Promise<void> => {
      for (const [name, dispatch] of before) this.#open.get(name)!.dispatch = dispatch
      await this.#closeExcept(new Set(before.keys()))
    }
    const answering = new Map<Listener, Handler>()
    try {
      for (const endpoint of runtime.endpoints) {
        answering.set(...(await this.#openOne(runtime, endpoint)))
      }
    } catch (error) {
      await undo()
      throw error
    }
    for (const [listener, dispatch] of answering) listener.dispatch = dispatch
    return undo
  }

  /** The listener of an endpoint and who is to answer there; one that is new answers at once. */
  async #openOne(runtime: Runtime, endpoint: Endpoint): Promise<[Listener, Handler]> {
    const { name, host } = endpoint
    const open = this.#open.get(name)
    const port = open?.port ?? endpoint.port
    // An inherited socket has queries waiting: the first one is to be answered too.
    const dispatch = port === 0 ? undefined : runtime.server(endpoint, port).dispatch
    const listener = open ?? (await this.#parts.listeners.open(host, port, dispatch))
    this.#open.set(name, listener)
    return [listener, dispatch ?? runtime.server(endpoint, listener.port).dispatch]
  }

  async #closeExcept(names: ReadonlySet<string>): Promise<void> {
    const closing = [...this.#open].filter(([name]) => !names.has(name))
    for (const [name] of closing) this.#open.delete(name)
    await Promise.all(closing.map(([, listener]) => listener.close(DRAIN_MS)))
  }

  /**
   * Puts a new configuration into service. The old one is kept, ready to take over again, until the
   * new one has started and found nothing against itself.
   */
  async #apply(corefile: Corefile): Promise<void> {
    const next = new Runtime(corefile.blocks, this.#runtimeParts)
    const givenUp = new Promise<never>((_resolve, reject) => {
      this.#candidate = { runtime: next, giveUp: reject }
    })
    let undo: (() => Promise<void>) | null = null
    try {
      undo = await this.#openAll(next)
      await next.start()
      await Promise.race([next.settled(), givenUp])
    } catch (error) {
      await undo?.()
      await next.stop(false)
      throw error
    } finally {
      this.#candidate = null
      givenUp.catch(() => {})
    }
    const old = this.#runtime
    this.#runtime = next
    await this.#closeExcept(new Set(next.endpoints.map(({ name }) => name)))
    await old.stop(false)
  }

  #fatal(runtime: Runtime, message: string): void {
    if (this.#candidate?.runtime === runtime) this.#candidate.giveUp(new Error(message))
    else if (runtime === this.#runtime) this.#parts.fatal(message)
  }
}
