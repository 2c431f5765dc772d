import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'

import { clientOf } from '../lib/client-share.ts'
import { Episode } from '../lib/episode.ts'
import type { Log } from '../lib/log.ts'
import { type Occupant, Places } from '../lib/places.ts'
import { registerMetric } from './metrics.ts'

/** Probes and scrapers are few; for a further connection the longest idle gives way. */
const MAX_CONNECTIONS = 64
/** Requests of one connection without an answer; one that sends more ahead is cut. */
const MAX_REQUESTS = 8

const ended = { full: 0, requests: 0 }
const crowded = new Episode()
let log: Log | null = null

/** Says who is told when a listener's places are all taken: nobody before that. */
export function setHttpLog(to: Log): void {
  log = to
}

registerMetric({
  name: 'dnslet_http_cut_connections_total',
  help: 'HTTP connections cut: for a newer one, or because of too many requests ahead of answers.',
  type: 'counter',
  labels: ['reason'],
  collect(emit) {
    emit(['full'], ended.full)
    emit(['requests'], ended.requests)
  },
})

/**
 * The connections of one HTTP listener. Each newcomer has a place, so that a probe is answered however
 * many say nothing, or ask and do not read.
 */
export class HttpConnections {
  readonly #places = new Places<HttpConnection>(MAX_CONNECTIONS)
  readonly #bySocket = new Map<Socket, HttpConnection>()

  /** Takes a connection that has just been accepted. */
  readonly accept = (socket: Socket): void => {
    const connection = new HttpConnection(socket)
    this.#bySocket.set(socket, connection)
    socket.once('close', () => {
      this.#bySocket.delete(socket)
      this.#places.delete(connection)
    })
    const gone = this.#places.add(connection)
    if (gone === null) return
    ended.full++
    if (!crowded.begins(performance.now())) return
    log?.warning(
      `${MAX_CONNECTIONS} HTTP connections are open: the longest idle make way for new ones, ` +
        `first one of ${gone.client}`,
    )
  }

  /** Notes a request of a connection; its answer's end is noted too. False where the connection was cut for it. */
  begin(socket: Socket, response: Writable): boolean {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return true
    if (connection.requests >= MAX_REQUESTS) {
      if (!socket.destroyed) ended.requests++
      socket.destroy()
      return false
    }
    connection.began()
    response.once('close', () => connection.answered())
    return true
  }
}

class HttpConnection implements Occupant {
  readonly client: string
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
