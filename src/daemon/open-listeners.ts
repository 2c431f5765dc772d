import { setTimeout as sleep } from 'node:timers/promises'
import { isSubdomain } from '../corefile/domain-name.ts'
import type { Clock } from '../lib/clock.ts'
import type { Listeners } from '../net/listeners.ts'
import type { Listener } from '../net/open-listener.ts'
import type { Handler } from '../serve/plugin.ts'
import { ListenerChecks } from './listener-checks.ts'
import type { ServedAddress, Runtime } from './runtime.ts'
import { type Answering, isStatusProbe } from './status-probe.ts'
import { selfLookUp, selfQuery } from './self-query.ts'

/** How long a closing listener waits for the answers its clients still wait for. */
const DRAIN_MS = 5000

/** What another configuration changes of a listener that it shares. */
type Replaced = 'dispatch' | 'secure' | 'limits'

/** The open sockets of a daemon, by what the Corefile calls them. They outlive configurations. */
export class OpenListeners {
  readonly #listeners: Listeners
  readonly #open = new Map<string, Listener>()
  readonly #checks = new ListenerChecks()

  constructor(listeners: Listeners) {
    this.#listeners = listeners
  }

  get all(): readonly Listener[] {
    return [...this.#open.values()]
  }

  /** Those over UDP and TCP, which the daemon asks itself. */
  get plain(): readonly Listener[] {
    return this.all.filter(({ streamOnly }) => !streamOnly)
  }

  /** As `ListenerChecks`, of those over UDP and TCP: kubelet sends no pod to the others. */
  async check(now: number, freeBind: boolean, from: Answering): Promise<string | null> {
    const { plain } = this
    if (plain.length === 0 && this.#open.size > 0) return null
    return this.#checks.check(plain, now, freeBind, from)
  }

  /** Those over UDP and TCP that serve a zone of `name`, an absolute domain name in lower case. */
  serving(runtime: Runtime, name: string): Listener[] {
    return this.#blocksOf(runtime, name).map(({ listener }) => listener)
  }

  /** The same, and whether each serves the name to clients of its choice alone (`view`), which we may not be. */
  #blocksOf(runtime: Runtime, name: string): { listener: Listener; chosen: boolean }[] {
    return runtime.endpoints.flatMap((endpoint) => {
      if (endpoint.scheme !== 'dns') return []
      // A block's zones may have ports and schemes of their own.
      const blocks = endpoint.blocks.filter(({ keys }) =>
        keys.some(
          ({ scheme, zone, port }) =>
            scheme === 'dns' && port === endpoint.port && isSubdomain(name, zone),
        ),
      )
      const listener = this.#open.get(endpoint.name)
      if (blocks.length === 0 || listener === undefined) return []
      return [{ listener, chosen: blocks.every(({ accepts }) => accepts !== undefined) }]
    })
  }

  /** As `Daemon.selfQuery()`. */
  async selfQuery(runtime: Runtime, name: string): Promise<string | null> {
    const serving = this.#blocksOf(runtime, name)
    if (serving.length === 0) return `no server block serves ${name}`
    for (const { listener, chosen } of serving) {
      const problem = await selfQuery(this.#listeners, listener, name, chosen)
      if (problem !== null) return problem
    }
    return null
  }

  /** As `Daemon.lookUp()`. */
  async lookUp(runtime: Runtime, name: string): Promise<readonly string[]> {
    const [listener] = this.serving(runtime, name)
    return listener === undefined ? [] : selfLookUp(this.#listeners, listener, name)
  }

  /**
   * Opens what is not open yet and lets `runtime` answer everywhere. Returns how to undo that.
   * Rejects, with everything as before, where an address cannot be opened.
   */
  async serve(runtime: Runtime): Promise<() => Promise<void>> {
    const before = new Map<string, Pick<Listener, Replaced>>()
    for (const [name, { dispatch, secure, limits }] of this.#open) {
      before.set(name, { dispatch, secure, limits })
    }
    const undo = async (): Promise<void> => {
      for (const [name, old] of before) Object.assign(this.#open.get(name)!, old)
      await this.#close((name) => !before.has(name))
    }
    const answering = new Map<Listener, Pick<Listener, Replaced>>()
    try {
      for (const endpoint of runtime.endpoints) {
        const [listener, dispatch] = await this.#openOne(runtime, endpoint)
        const { secure, limits } = endpoint
        answering.set(listener, { dispatch, secure, limits })
      }
    } catch (error) {
      await undo()
      throw error
    }
    for (const [listener, next] of answering) Object.assign(listener, next)
    return undo
  }

  /** Closes all but the listeners of these endpoints. */
  async closeExcept(endpoints: readonly ServedAddress[]): Promise<void> {
    const kept = new Set(endpoints.map(({ name }) => name))
    await this.#close((name) => !kept.has(name))
  }

  /** The listener of an endpoint and who is to answer there; one that is new answers at once. */
  async #openOne(runtime: Runtime, endpoint: ServedAddress): Promise<[Listener, Handler]> {
    const { name, host, scheme, secure } = endpoint
    const open = this.#open.get(name)
    const port = open?.port ?? endpoint.port
    // An inherited socket has queries waiting: the first one is to be answered too.
    const dispatch = port === 0 ? undefined : runtime.server(endpoint, port).dispatch
    const listener =
      open ??
      (await (scheme === 'dns'
        ? this.#listeners.open(host, port, dispatch)
        : this.#listeners.openStream(
            scheme === 'https' ? scheme : 'tls',
            host,
            port,
            dispatch,
            secure,
          )))
    this.#open.set(name, listener)
    return [listener, dispatch ?? runtime.server(endpoint, listener.port).dispatch]
  }

  async #close(ends: (name: string) => boolean): Promise<void> {
    const closing = [...this.#open].filter(([name]) => ends(name))
    for (const [name] of closing) this.#open.delete(name)
    await Promise.all(closing.map(([, listener]) => listener.drain(DRAIN_MS)))
  }
}

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
      if (!isStatusProbe(q)) lastQuery = clock.now
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
