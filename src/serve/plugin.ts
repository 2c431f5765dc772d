import type { Directive, Token } from '../corefile/parse.ts'
import type { Endpoint } from '../lib/address.ts'
import type { ByteBudget } from '../lib/byte-budget.ts'
import type { Clock } from '../lib/clock.ts'
import type { Holds } from '../lib/holds.ts'
import type { Http } from '../lib/http.ts'
import type { Log } from '../lib/log.ts'
import type { MetricSpec } from '../lib/metrics.ts'
import type { SecureSource } from '../lib/secure.ts'
import type { StreamLimits } from '../lib/stream-limits.ts'
import type { CacheContents, ConsideredUpstream, Explained, UpstreamState } from './inspection.ts'
import type { Query } from './query.ts'

/** Takes a query. Synchronous: an outcome may come later, through the `done` given at load. */
export type Handler = (q: Query) => void

/**
 * What a stage does with the queries of its block. Chains are composed once at load: `wrap` on the way down
 * (it answers itself through `done`, or passes the query to `next`), `unwrap` on the way up (it sees every
 * outcome produced below it). No closure is made per query.
 */
interface QueryHooks {
  /** The way down. `done` ends the query at this stage: set an outcome first. */
  wrap?(next: Handler, done: Handler): Handler
  /** The way up: what stages below call as their `done`. */
  unwrap?(done: Handler): Handler
  /** Whether the block takes a query of its zones (`view`); asked before the chain, of further blocks where not. */
  filter?(q: Query): boolean
  /** What it knows of a query that other stages may ask for, see `BlockMetadata`. */
  readonly metadata?: readonly Metadatum[]
  /** Whether metadata is collected for a query before its chain (`metadata`); without such a stage there is none. */
  collects?(q: Query): boolean
  /** Runs once per query after the reply went out: q.out[0..q.outLength) is what was sent. */
  observe?(q: Query): void
  /** Told of every query that went to an upstream, once it is clear what came of it (`dnstap`, `trace`). */
  exchanged?(q: Query, exchange: UpstreamExchange): void
}

/** What a stage says of its block: where it listens, and whom it asks. */
interface BlockTraits {
  /** Addresses this block listens on (the `bind` directive). */
  readonly addresses?: readonly string[]
  /** What encrypts the block's `tls://` zones (the `tls` directive). */
  readonly certificate?: SecureSource
  /** What connections to the block's addresses are allowed (the `timeouts` directive). */
  readonly limits?: Partial<StreamLimits>
  /** The address of its HTTP listener, `host:port`, where it opens one. */
  readonly http?: string
  /** The servers that it asks, as far as they are given by address. */
  readonly upstreams?: readonly Endpoint[]
}

/** The life of a stage, in this order: from the load of its configuration to the end of that. */
interface StageLife {
  /** Readies state before the first query, in slices: another configuration serves meanwhile. */
  prepare?(): Promise<void>
  /** Opens what the stage needs (HTTP listeners, connections, timers). A failure aborts the load. */
  start?(): Promise<void>
  /**
   * Resolves once the stage knows whether this configuration can go on (`loop` asks itself), seconds
   * after start() and without delaying it; `life.fatal` has been called by then if it cannot.
   */
  settled?(): Promise<void>
  /** Delays a final shutdown while queries are still answered (health's lameduck). */
  lameduck?(): Promise<void>
  /** Ends it. `final` is false when a new configuration takes over. */
  stop?(final: boolean): Promise<void>
}

/** What a stage shows to people who ask. */
interface Inspectable {
  /** Lines for `dnslet check`: settings and upstreams in effect. */
  describe?(): readonly string[]
  /** The servers it asks, as they are doing now. */
  inspectUpstreams?(): readonly UpstreamState[]
  /** The servers it would ask for this query, which is nobody's, and whose turn it is. Asks none. */
  considerUpstreams?(q: Query): readonly ConsideredUpstream[]
  /**
   * What it would do with this query, as far as that is known beforehand. The query is nobody's: nothing is
   * counted, answered or sent. It may change it as it would a client's, for the stages below.
   */
  explain?(q: Query): Explained
  /** The answers it keeps. */
  readonly contents?: CacheContents
}

/** What a directive contributes to its server block; whatever it leaves out is none of its business. */
export interface Stage extends QueryHooks, BlockTraits, StageLife, Inspectable {}

/** A value that a plugin publishes of queries. */
export interface Metadatum {
  /** `plugin/name`. */
  readonly label: string
  /** Known only on the way through the chain, and then whether metadata is collected for the query or not. */
  readonly late?: true
  /** Null where there is none of this query. */
  of(q: Query): string | null
}

/** A query of ours at an upstream. Borrowed until the call returns. */
export interface UpstreamExchange {
  /** Its address, `10.0.0.7:53`. */
  readonly upstream: string
  /** How: `udp`, `tcp`. */
  readonly transport: string
  /** Our own address and port; '' where they are not known. */
  readonly local: string
  /** `Clock.now` when it was sent. */
  readonly sentAt: number
  /** The message as it was sent. */
  readonly query: Uint8Array
  /** The message that came back; null: none, or not in time. */
  readonly reply: Uint8Array | null
}

/** What a plugin may know of the server block it stands in. */
export interface BlockContext {
  /** All zones of the block, normalised (lower case, final dot), in key order. */
  readonly zones: readonly string[]
  /** The name under which its queries are counted, '' for most: metrics' label `view`. */
  readonly view: string
  /** Its zones as they are written, with their transports: `dns`, `tls`, `https`, `grpc`. */
  readonly keys: readonly { readonly token: Token; readonly scheme: string }[]
  /** Names of the servers the block is part of, e.g. `dns://169.254.20.10:53`; filled before start(). */
  readonly servers: readonly string[]
  /** Addresses the block listens on as `host:port`; filled before start(). */
  readonly listeners: readonly Endpoint[]
  /** The block's stages by directive, in chain order; complete before start(). */
  readonly stages: readonly { readonly name: string; readonly stage: Stage }[]
  /**
   * What decides the answers that `cache` gets to store, as one string: the directives that produce or
   * change answers. State kept over a reload under it, and under the block's zones, still fits the new
   * configuration.
   */
  readonly identity: string
  readonly services: Services
}

/** What the daemon lends to its plugins: one object for each configuration it loads. */
export interface Services {
  readonly clock: Clock
  readonly log: Log
  readonly http: Http
  /** Bytes that plugins may hold together of what they could do without: cached answers. */
  readonly memory: ByteBudget
  /** The interface that the daemon makes once it serves; null where it makes none. */
  readonly coming: ComingInterface | null
  /**
   * State that survives a reload: made on first use of the key, the same object afterwards. Once a
   * running configuration no longer uses the key, `drop` is called with it.
   *
   * @param make given the states of the same family that are there under other keys
   * @param family what states have in common that can follow each other
   */
  keep<T>(
    key: string,
    make: (relatives?: readonly T[]) => T,
    drop?: (state: T) => void,
    family?: string,
  ): T
  /** The daemon's own, for plugins that have a say in it. */
  readonly life: Life
}

/** A network interface that is not there yet, though a Corefile may name it: node-cache makes its own first. */
export interface ComingInterface {
  readonly name: string
  /** In the form of RFC 5952. */
  readonly addresses: readonly string[]
}

/** What plugins may know of the daemon's life, and do about it. */
export interface Life {
  /** Ends a first start with this message and exit code 1; refuses a reload. */
  fatal(message: string): void
  /** Asks the daemon to watch the Corefile: milliseconds between checks, jitter as in `reload`. */
  watchCorefile(intervalMs: number, jitterMs: number): void
  /**
   * A round trip through the daemon's own sockets, and a look at its event loop and its receive
   * queues: to be called about once a second. Resolves to null or what is wrong, within a second of
   * the event loop's time. Never rejects.
   */
  readonly selfCheck: () => Promise<string | null>
  /** Why nobody should be sent here. */
  readonly readiness: Holds
  /**
   * Waits, while the daemon ends, until no client has asked for `quietMs` milliseconds, `limitMs` at
   * most. Resolves to whether that came about.
   */
  untilIdle(quietMs: number, limitMs: number): Promise<boolean>
}

/** One directive: a folder in src/plugins. */
export interface Plugin {
  /** The directive's name, also its label in metrics and logs. */
  readonly name: string
  /**
   * Whether it produces or changes the answers that `cache` gets to store: a reload that changes such a
   * directive drops them.
   */
  readonly changesAnswers: boolean
  /** Where it takes queries of every class; without such a plugin a server answers IN alone. */
  readonly classes?: 'all' | undefined
  /** Where a stub domain's block, made from the template, has it as the template's block for the rest does. */
  readonly stubZones?: true
  /** Bytes of heap it takes in each block while the configuration starts, beyond what any directive does. */
  readonly heapBytes?: number
  /** The name of the block that has these directives, where it is the one that names it (`view`). */
  readonly viewName?: ((directives: readonly Directive[]) => string) | undefined
  /** What it counts, shown whether a Corefile has the directive or not. */
  readonly metrics?: readonly MetricSpec[]
  /** Reads the directive; opens nothing. Throws CorefileError on bad configuration. */
  setup(directives: readonly Directive[], block: BlockContext): Stage
}
