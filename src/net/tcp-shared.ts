import type { ByteBudget } from '../lib/byte-budget.ts'
import type { Clock } from '../lib/clock.ts'
import type { Query } from '../serve/query.ts'
import type { TcpEnd } from './counters.ts'
import type { Dispatcher } from './udp.ts'

/** What the connections of a listener share: nothing here is held from one call to the next. */
export interface TcpShared<Connection> {
  readonly dispatcher: Dispatcher
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
  readonly closed: (connection: Connection, reason: TcpEnd) => void
}
