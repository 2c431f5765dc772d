import { Class, Opcode, Rcode } from '../wire/codes.ts'
import { readQueryOpt } from '../wire/edns.ts'
import { gate } from '../wire/gate.ts'
import { opcodeOf, readFlags, readId } from '../wire/header.ts'
import { parseQuestion } from '../wire/question.ts'
import { WireStatus } from '../wire/status.ts'
import { finishReply, type Observer } from './finish.ts'
import type { Handler } from './plugin.ts'
import { NO_EDE, Outcome, type Query, type ServerIdentity } from './query.ts'
import { ZoneTable } from './zone-table.ts'

/** A server block, compiled: where its queries enter. */
export interface Route {
  readonly handler: Handler
}

export interface ServerOptions {
  readonly identity: ServerIdentity
  /** Normalised zones and the blocks that serve them. */
  readonly zones: ReadonlyMap<string, Route>
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
  readonly #allClasses: boolean
  readonly #rejected: Observer
  readonly #panicked: (cause: unknown, q: Query) => void

  constructor(options: ServerOptions) {
    this.identity = options.identity
    for (const [zone, route] of options.zones) this.#zones.add(zone, route)
    this.#allClasses = options.allClasses
    this.#rejected = options.rejected
    this.#panicked = options.panicked
  }

  /** Serves one message: `q.wire[0..q.length)`, with its target set. Never throws. */
  readonly dispatch = (q: Query): void => {
    q.server = this.identity
    try {
      const route = this.#accept(q)
      if (route !== null) route.handler(q)
    } catch (cause) {
      this.#panicked(cause, q)
      this.#reject(q, Rcode.ServFail)
    }
  }

  /** The route of a query that may enter a chain, or null: then it has been answered or dropped. */
  #accept(q: Query): Route | null {
    const { wire, length, question, edns } = q
    let status = gate(wire, length)
    if (status === WireStatus.Ignore) {
      q.outcome = Outcome.Drop
      q.target.drop(q)
      return null
    }
    q.id = readId(wire)
    q.flags = readFlags(wire)
    edns.clear()
    // NOTIFY passes the gate, but there is no zone here to notify of (RFC 1996 §3.11).
    if (status === WireStatus.Ok && opcodeOf(q.flags) !== Opcode.Query) status = WireStatus.NotImp
    const parsed = parseQuestion(wire, length, question)
    if (status !== WireStatus.Ok) {
      // The question is echoed if it can be read: clients match replies by it.
      if (parsed !== WireStatus.Ok) question.end = 0
      return this.#reject(q, status === WireStatus.NotImp ? Rcode.NotImp : Rcode.FormErr)
    }
    if (parsed !== WireStatus.Ok) {
      question.end = 0
      return this.#reject(q, Rcode.FormErr)
    }
    if (readQueryOpt(wire, length, question, edns) !== WireStatus.Ok) {
      edns.clear()
      return this.#reject(q, Rcode.FormErr)
    }
    const route = this.#zones.find(wire, question)
    if (route === undefined) return this.#reject(q, Rcode.Refused)
    if (question.class !== Class.IN && !this.#allClasses) return this.#reject(q, Rcode.Refused)
    // RFC 6891 §6.1.3: answer with the version we speak, whatever the query was.
    if (edns.present && edns.version !== 0) return this.#reject(q, Rcode.BadVers)
    return route
  }

  #reject(q: Query, rcode: number): null {
    q.outcome = Outcome.Failure
    q.rcode = rcode
    q.ede = NO_EDE
    finishReply(q)
    q.target.send(q, q.outLength)
    this.#rejected(q)
    return null
  }
}
