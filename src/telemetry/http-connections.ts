import type { Socket } from 'node:net'

import { ClientRate } from '../lib/client-rate.ts'
import { clientOf } from '../lib/client-share.ts'
import { Episode } from '../lib/episode.ts'
import { listInterfaces } from '../lib/interfaces.ts'
import type { Log } from '../lib/log.ts'
import type { MetricSpec } from '../lib/metrics.ts'
import { type Occupant, Place, Places } from '../lib/places.ts'

/** Probes and scrapers are few; for a further connection the longest idle gives way. */
const MAX_CONNECTIONS = 64
/** Requests of one connection without an answer; one that sends more ahead is cut. */
const MAX_REQUESTS = 8
/** Connections that a client may open at once, and those a second that it may open for good. */
const BURST = 20
const PER_SECOND = 10
/** The same of all clients together, beyond what each may in any case. */
const SPARE_BURST = 75
const SPARE_PER_SECOND = 50

const ended = { full: 0, requests: 0, rate: 0 }
const crowded = new Episode()
const hasty = new Episode()

export const cutConnectionsMetric: MetricSpec = {
  name: 'dnslet_http_cut_connections_total',
  help: 'HTTP connections cut: for a newer one, for requests ahead of answers, for too many a second.',
  type: 'counter',
  labels: ['reason'],
  collect(emit) {
    for (const [reason, count] of Object.entries(ended)) emit([reason], count)
  },
}

/**
 * The connections of one HTTP listener. Each newcomer has a place, so that a probe is answered however
 * many say nothing, or ask and do not read.
 */
export class HttpConnections {
  readonly #limit: number
  readonly #isRated: boolean
  readonly #places: Places<HttpConnection>
  readonly #bySocket = new Map<Socket, HttpConnection>()
  readonly #rate = new ClientRate(BURST, PER_SECOND)
  readonly #spare = new ClientRate(SPARE_BURST, SPARE_PER_SECOND)
  readonly #log: Log

  /**
   * @param log told when all places are taken, and of clients that open too many
   * @param limit connections at once
   * @param isRated whether how many a client opens in a second is bounded
   */
  constructor(log: Log, limit: number = MAX_CONNECTIONS, isRated: boolean = true) {
    this.#log = log
    this.#limit = limit
    this.#isRated = isRated
    this.#places = new Places(limit)
  }

  /** Takes a connection that has just been accepted; false where its client opens too many: it was cut. */
  accept(socket: Socket): boolean {
    const connection = new HttpConnection(socket)
    if (this.#isRated && this.#isHasty(connection)) {
      ended.rate++
      socket.destroy()
      return false
    }
    this.#bySocket.set(socket, connection)
    socket.once('close', () => {
      this.#bySocket.delete(socket)
      this.#places.delete(connection)
    })
    const gone = this.#places.add(connection)
    if (gone !== null) {
      ended.full++
      if (crowded.begins(connection.activeAt))
        this.#log.warning(
          `${this.#limit} HTTP connections are open: the longest idle make way for new ones, ` +
            `first one of ${gone.client || 'the admin socket'}`,
        )
    }
    return true
  }

  /** The node's own addresses are the kubelet's, whose probes have to pass, even where others have them. */
  #isHasty({ client, activeAt }: HttpConnection): boolean {
    if (this.#rate.take(client, activeAt) || ownClients(activeAt).has(client)) return false
    if (this.#spare.take('', activeAt)) return false
    if (hasty.begins(activeAt))
      this.#log.warning(
        `${client} opens more than ${PER_SECOND} HTTP connections a second, all clients together more ` +
          `than ${SPARE_PER_SECOND} beyond that: most of them are cut`,
      )
    return true
  }

  /**
   * Notes a request of a connection. Returns what is to be called at its answer's end, or null where the connection
   * was cut for it.
   */
  begin(socket: Socket): (() => void) | null {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return () => {}
    if (connection.requests >= MAX_REQUESTS) {
      if (!socket.destroyed) ended.requests++
      socket.destroy()
      return null
    }
    connection.began()
    this.#places.touch(connection)
    return () => {
      connection.answered()
      this.#places.touch(connection)
    }
  }
}

let own: ReadonlySet<string> = new Set()
let lookedAt = -Infinity

/** This machine's addresses, as they were a second ago at most: the kernel takes a while to list them. */
function ownClients(now: number): ReadonlySet<string> {
  if (now - lookedAt < 1_000) return own
  lookedAt = now
  const found = listInterfaces()
  if (found === null) return own
  const addresses = Object.values(found).flatMap((all) => all ?? [])
  return (own = new Set(addresses.map(({ address }) => clientOf(address))))
}

class HttpConnection implements Occupant {
  readonly client: string
  readonly place: Place = new Place(this)
  activeAt: number = performance.now()
  /** Those without an answer. */
  requests = 0
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    this.client = clientOf(socket.remoteAddress ?? '')
  }

  get busy(): boolean {
    return this.requests > 0
  }

  began(): void {
    this.requests++
    this.activeAt = performance.now()
  }

  answered(): void {
    this.requests--
    this.activeAt = performance.now()
  }

  giveWay(): void {
    this.#socket.destroy()
  }
}
