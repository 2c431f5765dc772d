import type { Socket } from 'node:net'

import type { ByteBudget } from '../lib/byte-budget.ts'
import type { Clock } from '../lib/clock.ts'
import type { Occupant } from '../lib/places.ts'
import type { Member } from '../lib/roster.ts'
import type { Secure } from '../lib/secure.ts'
import type { StreamLimits } from '../lib/stream-limits.ts'
import type { Query } from '../serve/query.ts'
import type { TcpEnd } from './counters.ts'
import type { Dispatcher } from './udp.ts'

/** A client's connection, as its listener sees it. */
export interface ClientConnection extends Occupant, Member {
  /** Octets of `TcpShared.waiting` that are its own. */
  readonly held: number
  /** Octets of answers that its client has not read. */
  readonly unsent: number
  /** Answers what has been read, and closes. */
  end(reason: TcpEnd): void
  /** The same; one that has only just begun is still answered once. */
  drain(): void
  /** Serves on until its client has no query under way for a second, ten seconds at most. */
  endWhenIdle(now: number): void
  /** Cuts it. */
  destroy(reason: TcpEnd): void
  /** Ends it where one of its times is up. */
  sweep(now: number): void
}

/** What the connections of a listener share: nothing here is held from one call to the next. */
export interface TcpShared<Connection> {
  readonly dispatcher: StreamDispatcher
  /** As they are now. */
  readonly limits: StreamLimits
  readonly clock: Clock
  readonly query: Query
  /** Where messages are read to, MAX_QUERY octets, and replies are built, 65,535. */
  readonly message: Buffer
  readonly reply: Buffer
  /** Octets of answers that clients have not read, of all connections. */
  readonly unsent: ByteBudget
  /** Octets of queries that have not come whole or wait, of all connections. */
  readonly waiting: ByteBudget
  /** Told by a connection that makes `waiting` exceed its limit. */
  readonly overfull: () => void
  /** Told by a connection whose answer makes `unsent` exceed twice its limit: those to queries already taken. */
  readonly unread: () => void
  /** Told when a connection's `busy` or `activeAt` has changed. */
  readonly touched: (connection: Connection) => void
  /** What the listener is called in metrics. */
  readonly server?: string
  readonly closed: (connection: Connection, reason: TcpEnd) => void
}

/** Who takes the queries. */
export interface StreamDispatcher extends Dispatcher {
  /** What encrypts connections that come from now on; absent or null: nothing. */
  readonly secure?: Secure | null
  /** Default: DEFAULT_LIMITS. */
  readonly limits?: StreamLimits
}

/** Speaks a protocol on a stream. */
export type Connect = (stream: Socket, shared: TcpShared<ClientConnection>) => ClientConnection
