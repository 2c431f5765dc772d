import { joinHostPort } from '../lib/address.ts'
import type { Clock } from '../lib/clock.ts'
import { Episode } from '../lib/episode.ts'
import type { Log } from '../lib/log.ts'
import type { MetricSpec } from '../lib/metrics.ts'
import type { NetCounters } from './counters.ts'
import type { UdpSocket } from './udp.ts'

/** Two looks closer together than this say nothing: the event loop may not have turned in between. */
const LEAST_MS = 500
/** Drops come in floods: one line for all of a minute. */
const SILENCE_MS = 60_000

export interface ReceiveQueuesParts {
  /** All open UDP sockets of clients. */
  readonly sockets: () => readonly UdpSocket[]
  readonly clock: Clock
  readonly counters: NetCounters
  readonly log: Log
}

/** What a socket looked like at the last check. */
interface Seen {
  readonly waiting: boolean
  readonly received: number
  readonly drops: number
}

/** Watches what the kernel holds for our UDP sockets, and what it had to drop. */
export class ReceiveQueues {
  readonly #parts: ReceiveQueuesParts
  readonly #seen = new WeakMap<UdpSocket, Seen>()
  #checked = -Infinity
  #problem: string | null = null
  #unreported = 0
  #quietUntil = -Infinity
  readonly #lateness = new Episode()
  #late = 0

  constructor(parts: ReceiveQueuesParts) {
    this.#parts = parts
  }

  /**
   * To be called about once a second. Returns what is wrong, or null: datagrams wait that waited at
   * the last check already, and none has been read since, although the event loop has turned.
   */
  check(): string | null {
    const now = this.#parts.clock.refresh()
    if (now - this.#checked < LEAST_MS) return this.#problem
    this.#checked = now
    this.#problem = null
    for (const socket of this.#parts.sockets())
      this.#problem = this.#checkOne(socket) ?? this.#problem
    this.#report(now)
    this.#reportLate(now)
    return this.#problem
  }

  #checkOne(socket: UdpSocket): string | null {
    const queue = socket.receiveQueue()
    if (queue === null) return null
    const { received } = socket
    const { bytes, drops } = queue
    const before = this.#seen.get(socket)
    this.#seen.set(socket, { waiting: bytes > 0, received, drops })
    if (before === undefined) return null
    this.#unreported += drops - before.drops
    if (!before.waiting || bytes === 0 || received !== before.received) return null
    return `nothing is read from ${nameOf(socket)}, where ${bytes} bytes wait`
  }

  #report(now: number): void {
    if (this.#unreported === 0 || now < this.#quietUntil) return
    this.#parts.log.warning(
      `The kernel dropped ${this.#unreported} UDP queries: they came faster than they were read`,
    )
    this.#unreported = 0
    this.#quietUntil = now + SILENCE_MS
  }

  #reportLate(now: number): void {
    const { udpLate } = this.#parts.counters
    const late = udpLate - this.#late
    this.#late = udpLate
    if (late === 0 || !this.#lateness.begins(now)) return
    this.#parts.log.warning(
      `dnslet gets too little CPU time for the queries that come: ${late} over UDP waited in vain and ` +
        'went unread, so that newer ones are answered in time (further ones are counted in ' +
        'dnslet_udp_late_queries_total); raise its CPU request and limit',
    )
  }
}

/** Metrics of all sockets, read at the time of a scrape; absent for a socket that cannot be asked. */
export function receiveQueueMetrics(sockets: () => readonly UdpSocket[]): readonly MetricSpec[] {
  const each = (pick: 'drops' | 'bytes'): MetricSpec['collect'] => {
    return (emit) => {
      for (const socket of sockets()) {
        const queue = socket.receiveQueue()
        if (queue !== null) emit([nameOf(socket)], queue[pick])
      }
    }
  }
  return [
    {
      name: 'dnslet_udp_receive_drops_total',
      help: 'Datagrams the kernel dropped because the receive queue of the socket was full.',
      type: 'counter',
      labels: ['address'],
      collect: each('drops'),
    },
    {
      name: 'dnslet_udp_receive_queue_bytes',
      help: 'Memory of the datagrams that wait in the kernel.',
      type: 'gauge',
      labels: ['address'],
      collect: each('bytes'),
    },
  ]
}

function nameOf({ address, port }: UdpSocket): string {
  return joinHostPort(address, port)
}
