import { type Load, type Origin, OWN_DELAY_MS, type Pace } from './load.ts'
import type { Asked } from './message.ts'
import type { PacketCounts } from './packet-counts.ts'
import type { RawPort } from './raw-ports.ts'
import { RawSocket } from './raw-socket.ts'
import type { Recorder } from './recorder.ts'

/** Sockets of a run: a server that spreads its work by the client's port has something to spread. */
export const RAW_SOCKETS = 8

export interface RawLoadParts {
  readonly ports: readonly RawPort[]
  /** One for each host and type. */
  readonly queries: readonly Asked[]
  readonly pace: Pace
  readonly packets: PacketCounts
  readonly origin: Origin
  /** Milliseconds after which a query counts as lost. */
  readonly timeoutMs: number
}

/**
 * Queries as fast as a server answers them, or as fast as they are due: a window of them is under way. It
 * looks for answers in every turn of the event loop, for being woken takes longer than many answers do.
 */
export class RawLoad implements Load {
  unsent = 0
  readonly #parts: RawLoadParts
  readonly #sockets: readonly RawSocket[]
  #recorder: Recorder | null = null
  #now = 0
  #start = 0
  #end = 0
  /** Queries sent in this turn. */
  #sent = 0
  #query = 0
  /** The socket that sends next. */
  #socket = 0
  #resolve: (() => void) | null = null

  constructor(parts: RawLoadParts) {
    const { origin, packets, ports, queries, timeoutMs } = parts
    this.#parts = parts
    this.#sockets = ports.map(
      (port) =>
        new RawSocket(port, queries, packets, timeoutMs, (from, outcome) => {
          const now = performance.now()
          this.#recorder?.record(now - from, origin.at(now), outcome)
        }),
    )
  }

  turn(ms: number, recorder: Recorder): Promise<void> {
    this.#recorder = recorder
    this.#start = this.#now = performance.now()
    this.#end = this.#start + ms
    this.#sent = 0
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#loop()
    })
  }

  stop(): number {
    const left = this.#underWay()
    this.#leave()
    return left
  }

  close(): void {
    this.#leave()
    for (const socket of this.#sockets) socket.close()
  }

  #leave(): void {
    this.#resolve?.()
    this.#resolve = null
  }

  #underWay(): number {
    return this.#sockets.reduce((sum, { underWay }) => sum + underWay, 0)
  }

  readonly #loop = (): void => {
    if (this.#resolve === null) return
    for (const socket of this.#sockets) if (socket.underWay > 0) socket.receive(this.#now)
    this.#now = performance.now()
    if (this.#now < this.#end) this.#send()
    else if (this.#underWay() === 0) return this.#finish()
    setImmediate(this.#loop)
  }

  /** Fills the window, as far as queries are due. */
  #send(): void {
    const { pace, queries } = this.#parts
    let room = pace.concurrency - this.#underWay()
    if (pace.rate !== null) room = Math.min(room, this.#dueNow(pace.rate) - this.#sent)
    for (let tries = this.#sockets.length; tries > 0 && room > 0; tries--) {
      // A share for each, so that all have some under way.
      const share = Math.ceil(room / tries)
      const socket = this.#sockets[this.#socket]!
      this.#socket = (this.#socket + 1) % this.#sockets.length
      this.#now = performance.now()
      const sent = socket.send(share, this.#query, this.#now, this.#fromOf)
      this.#query = (this.#query + sent) % queries.length
      this.#sent += sent
      room -= sent
    }
  }

  #dueNow(rate: number): number {
    return Math.floor(((this.#now - this.#start) * rate) / 1000) + 1
  }

  readonly #fromOf = (i: number): number => {
    const { rate } = this.#parts.pace
    if (rate === null) return this.#now
    const due = this.#start + ((this.#sent + i) * 1000) / rate
    return this.#now - due > OWN_DELAY_MS ? due : this.#now
  }

  #finish(): void {
    const { rate } = this.#parts.pace
    if (rate !== null) {
      const due = Math.ceil(((this.#end - this.#start) * rate) / 1000 - 1e-6)
      this.unsent += Math.max(0, due - this.#sent)
    }
    this.#leave()
  }
}
