import type { ServerBlock } from '../corefile/parse.ts'
import type { Scheme } from '../corefile/zone-text.ts'
import type { Endpoint } from '../lib/address.ts'
import type { Secure } from '../lib/secure.ts'
import type { StreamLimits } from '../lib/stream-limits.ts'
import { DEFAULT_LIMITS } from '../net/tcp-limits.ts'
import { pluginOf } from '../plugins/index.ts'
import type { Life, Services, Stage } from '../serve/plugin.ts'
import { Server, type ServerOptions } from '../serve/server.ts'
import { takeHeapRoom } from '../source/heap-room.ts'
import { compileBlocks, type CompiledBlock } from './compile.ts'
import { serverIdentity } from './identity.ts'
import type { KeptStates, StateUser } from './kept-states.ts'

/** What the daemon gives every configuration it loads. */
export interface RuntimeParts {
  readonly port: number
  readonly services: Omit<Services, 'keep' | 'life'>
  readonly life: Omit<Life, 'fatal'>
  readonly kept: KeptStates
  /** A plugin found that this configuration must not go on. */
  readonly fatal: (runtime: Runtime, message: string) => void
  readonly warn: (message: string) => void
  readonly rejected: ServerOptions['rejected']
  readonly panicked: ServerOptions['panicked']
}

/** An address to listen on and the blocks that share it. */
export interface ServedAddress extends Endpoint {
  /** The same for the same address in every configuration. */
  readonly name: string
  readonly scheme: Scheme
  /** What encrypts it; null where nothing does. */
  readonly secure: Secure | null
  /** What its connections are allowed: of several blocks the last that says so counts, as in CoreDNS. */
  readonly limits: StreamLimits
  readonly blocks: readonly CompiledBlock[]
}

/** One Corefile, compiled: its blocks, where they listen, and their plugins' life. */
export class Runtime {
  readonly blocks: readonly CompiledBlock[]
  readonly endpoints: readonly ServedAddress[]
  /** What answers behind each address, once that is open. */
  readonly servers: Map<ServedAddress, Server> = new Map()
  /** Milliseconds since 1970. */
  readonly loadedAt: number = Date.now()
  readonly #parts: RuntimeParts
  readonly #states: StateUser
  readonly #giveHeapRoom: () => void
  #started: Stage[] = []

  /** Throws CorefileError; opens nothing. */
  constructor(blocks: readonly ServerBlock[], parts: RuntimeParts) {
    this.#parts = parts
    this.#giveHeapRoom = takeHeapRoom(blocks)
    this.#states = parts.kept.open()
    const services: Services = {
      ...parts.services,
      keep: this.#states.keep,
      life: { ...parts.life, fatal: (message) => parts.fatal(this, message) },
    }
    try {
      const { panicked, port, warn } = parts
      this.blocks = compileBlocks(blocks, { port, services, warn, panicked })
    } catch (error) {
      this.#states.release()
      this.#giveHeapRoom()
      throw error
    }
    this.endpoints = endpointsOf(this.blocks)
  }

  /** The server for an endpoint that is bound to `port` (the kernel's choice where 0 was asked). */
  server(endpoint: ServedAddress, port: number): Server {
    const identity = serverIdentity(endpoint.host, port, endpoint.scheme)
    const zones = new Map<string, CompiledBlock[]>()
    for (const block of endpoint.blocks) {
      block.context.servers.push(identity.name)
      // Plugins ask there themselves, over UDP.
      if (endpoint.scheme === 'dns') block.context.listeners.push({ host: endpoint.host, port })
      for (const { scheme, port: at, zone } of block.keys) {
        if (at !== endpoint.port || scheme !== endpoint.scheme) continue
        zones.set(zone, [...(zones.get(zone) ?? []), block])
      }
    }
    const server = new Server({
      identity,
      zones,
      allClasses: endpoint.blocks.some(({ stages }) =>
        stages.some(({ name }) => pluginOf(name)?.classes === 'all'),
      ),
      rejected: this.#parts.rejected,
      panicked: this.#parts.panicked,
    })
    this.servers.set(endpoint, server)
    return server
  }

  /** Readies what the stages serve from, before the first query is theirs. */
  async prepare(): Promise<void> {
    for (const stage of this.#stages()) await stage.prepare?.()
  }

  /** Starts every stage in chain order. Where one fails, those started are stopped again. */
  async start(): Promise<void> {
    for (const stage of this.#stages()) {
      this.#started.push(stage)
      try {
        await stage.start?.()
      } catch (error) {
        await this.stop(false)
        throw error
      }
    }
  }

  /** Resolves when every stage knows whether this configuration can go on (`loop` asks itself). */
  async settled(): Promise<void> {
    await Promise.all(this.#started.map(async (stage) => stage.settled?.()))
  }

  /** Waits as long as `health`'s lameduck wants; queries are answered meanwhile. */
  async lameduck(): Promise<void> {
    await Promise.all(this.#started.map(async (stage) => stage.lameduck?.()))
  }

  /** Ends what start() began, last first. `final` is false where another configuration goes on. */
  async stop(final: boolean): Promise<void> {
    const started = this.#started.toReversed()
    this.#started = []
    await Promise.all(started.map(async (stage) => stage.stop?.(final)))
    this.#states.release()
    this.#giveHeapRoom()
  }

  *#stages(): Generator<Stage> {
    for (const { stages } of this.blocks) for (const { stage } of stages) yield stage
  }
}

/** Names of ALPN (RFC 7301), the best first. */
const ALPN: Partial<Record<Scheme, readonly string[]>> = {
  tls: ['dot'],
  https: ['h2', 'http/1.1'],
}

interface Collected extends ServedAddress {
  secure: Secure | null
  limits: StreamLimits
  readonly blocks: CompiledBlock[]
}

/** Every address that a block listens on, once, with all blocks that do. */
function endpointsOf(blocks: readonly CompiledBlock[]): readonly ServedAddress[] {
  const byName = new Map<string, Collected>()
  for (const block of blocks) {
    for (const { port, scheme } of block.keys) {
      for (const host of block.addresses) {
        // Port 0 is a socket of its own each time.
        const at = port === 0 ? `${byName.size} ${host}` : `${host} ${port}`
        const name = scheme === 'dns' ? at : `${scheme} ${at}`
        const endpoint = byName.get(name) ?? endpointAt(name, host, port, scheme)
        byName.set(name, endpoint)
        join(endpoint, block)
      }
    }
  }
  return [...byName.values()]
}

function endpointAt(name: string, host: string, port: number, scheme: Scheme): Collected {
  return { name, host, port, scheme, secure: null, limits: DEFAULT_LIMITS, blocks: [] }
}

function join(endpoint: Collected, block: CompiledBlock): void {
  const { blocks, scheme } = endpoint
  // Of several blocks the first that has one: a handshake comes before any zone is known.
  if (scheme !== 'dns') endpoint.secure ??= secureOf(block, scheme)
  for (const { stage } of block.stages) {
    if (stage.limits) endpoint.limits = { ...endpoint.limits, ...stage.limits }
  }
  if (!blocks.includes(block)) blocks.push(block)
}

function secureOf({ stages }: CompiledBlock, scheme: Scheme): Secure | null {
  const certified = stages.find(({ stage }) => stage.certificate !== undefined)
  return certified?.stage.certificate?.secure(ALPN[scheme] ?? []) ?? null
}
