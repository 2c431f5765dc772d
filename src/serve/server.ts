import { Class, Opcode, Rcode, Type } from '../wire/codes.ts'
import { readQueryOpt } from '../wire/edns.ts'
import { gate } from '../wire/gate.ts'
import { opcodeOf, readCount, readFlags, readId, Section } from '../wire/header.ts'
import { parseQuestion } from '../wire/question.ts'
import { WireStatus } from '../wire/status.ts'
import { sendReply } from './finish.ts'
import type { Handler } from './plugin.ts'
import { noServer, type Observer, Outcome, type Query, type ServerIdentity } from './query.ts'
import { FilteredZones } from './filtered-zones.ts'
import { ZoneTable } from './zone-table.ts'

/** A server block, compiled: where its queries enter. */
export interface Route {
  readonly handler: Handler
  /** Whether the block takes a query of its zones; absent: any. */
  readonly accepts?: ((q: Query) => boolean) | undefined
}

export interface ServerOptions {
  readonly identity: ServerIdentity
  /** Normalised zones and the blocks that serve them; of several, the first that accepts a query gets it. */
  readonly zones: ReadonlyMap<string, Route | readonly Route[]>
  /** True where a block of this server takes other classes than IN (`forward`, `chaos`). */
  readonly allClasses: boolean
  /** Told of every query the server answered without any block. */
  readonly rejected: Observer
  /** Told of a handler that threw: a defect of ours, never the client's doing. */
  readonly panicked: (cause: unknown, q: Query) => void
}

/**
 * All server blocks that share one listening address: the rules that come before any plugin
 * (header, question, class, EDNS version) and the choice of the block by longest zone.
 */
export class Server {
  readonly identity: ServerIdentity
  readonly #zones = new ZoneTable<Route>()
  /** In place of it where blocks choose among queries. */
  readonly #filtered: FilteredZones<Route> | null
  readonly #allClasses: boolean
  readonly #rejected: Observer
  readonly #panicked: (cause: unknown, q: Query) => void

  constructor(options: ServerOptions) {
    this.identity = options.identity
    const zones = Array.from(options.zones, ([zone, routes]) => [zone, [routes].flat()] as const)
    const filters = zones.some(([, routes]) => routes.some(({ accepts }) => accepts !== undefined))
    this.#filtered = filters ? new FilteredZones(zones) : null
    if (!filters) for (const [zone, routes] of zones) this.#zones.add(zone, routes[0]!)
    this.#allClasses = options.allClasses
    this.#rejected = options.rejected
    this.#panicked = options.panicked
  }

  /** Serves one message: `q.wire[0..q.length)`, with its target set. Never throws. */
  readonly dispatch = (q: Query): void => {
    q.server = this.identity
    q.enter = this.enter
    try {
      const route = this.#accept(q)
      if (route !== null) route.handler(q)
    } catch (cause) {
      this.#recover(cause, q)
    }
    // An idle socket's query is not to hold this configuration when there is another one.
    q.enter = noServer
  }

  /** Serves a question that has been read already, see `askServer()`. Never throws. */
  readonly enter = (q: Query): void => {
    try {
      const route = this.#route(q)
      if (route !== null) route.handler(q)
    } catch (cause) {
      this.#recover(cause, q)
    }
  }

  #recover(cause: unknown, q: Query): void {
    this.#panicked(cause, q)
    // An observer may have thrown: its client has the reply already.
    if (!q.finished) this.#reject(q, Rcode.ServFail)
  }

  /** The route of a query that may enter a chain, or null: then it has been answered or dropped. */
  #accept(q: Query): Route | null {
    const status = readQuery(q)
    if (status === WireStatus.Ignore) {
      q.outcome = Outcome.Drop
      q.finished = true
      q.target.drop(q)
      return null
    }
    if (status !== WireStatus.Ok) return this.#reject(q, rcodes[status])
    return this.#route(q)
  }

  /** The block that a query whose question has been read would get to; undefined where it would be refused. */
  find(q: Query): Route | undefined {
    return this.#refuses(q) ? undefined : this.#find(q)
  }

  #find(q: Query): Route | undefined {
    return this.#filtered === null ? this.#zones.find(q.wire, q.question) : this.#filtered.find(q)
  }

  #refuses({ question }: Query): boolean {
    // A transfer is many messages, and we pass on one: its client would wait for the rest.
    if (question.type === Type.AXFR || question.type === Type.IXFR) return true
    return question.class !== Class.IN && !this.#allClasses
  }

  /** The block that a question belongs to, or null: then it has been refused. */
  #route(q: Query): Route | null {
    const { edns } = q
    if (this.#refuses(q)) return this.#reject(q, Rcode.Refused)
    // RFC 6891 §6.1.3: answer with the version we speak, whatever the query was.
    if (edns.present && edns.version !== 0) return this.#reject(q, Rcode.BadVers)
    return this.#find(q) ?? this.#reject(q, Rcode.Refused)
  }

  #reject(q: Query, rcode: number): null {
    q.fail(rcode)
    q.answeredBy = ''
    sendReply(q)
    this.#rejected(q)
    return null
  }
}

/** How a query that cannot be read is answered. */
const rcodes = {
  [WireStatus.FormErr]: Rcode.FormErr,
  [WireStatus.NotImp]: Rcode.NotImp,
  [WireStatus.ServFail]: Rcode.ServFail,
} as const

/**
 * Reads header, question and OPT of `q.wire`. Clients match replies by the question, so it is read
 * and repeated even where the message is refused; it is cleared where that is impossible.
 */
function readQuery(q: Query): WireStatus {
  const { wire, length, question, edns } = q
  const gated = gate(wire, length)
  if (gated === WireStatus.Ignore) return gated
  q.id = readId(wire)
  q.flags = readFlags(wire)
  edns.clear()
  const parsed = parseQuestion(wire, length, question)
  if (parsed !== WireStatus.Ok || readCount(wire, Section.Question) !== 1) question.clear()
  if (gated !== WireStatus.Ok) return gated
  if (parsed !== WireStatus.Ok) return parsed
  if (readQueryOpt(wire, length, question, edns) !== WireStatus.Ok) {
    edns.clear()
    return WireStatus.FormErr
  }
  // NOTIFY passes the gate, but there is no zone here to notify of (RFC 1996 §3.12).
  return opcodeOf(q.flags) === Opcode.Query ? WireStatus.Ok : WireStatus.NotImp
}
