import { createServer, type Server, type Socket } from 'node:net'

import { descriptorOf } from '../../lib/descriptor-of.ts'
import type { HeldSocket } from '../../lib/held-socket.ts'
import type { Log } from '../../lib/log.ts'
import { SocketFile } from '../../lib/socket-file.ts'
import type { Libc } from '../../sys/libc.ts'
import { duplicate, peerCredentials } from '../../sys/scm.ts'
import { Channel } from './channel.ts'
import { Conversations } from './conversations.ts'
import {
  encode,
  FrameKind,
  HandoverError,
  handoverSocket,
  PROTOCOL_VERSION,
  readHello,
} from './protocol.ts'

/** The daemon that runs here, as far as a successor is concerned. */
export interface RunningDaemon {
  /** Its sockets, as they are now. */
  held(): readonly HeldSocket[]
  /** The descriptor of its TUN; null where there is none. */
  tun(): number | null
  /** Its cache in pieces, each used before the next is asked for. */
  exportCache(): Iterable<Buffer>
  /** Stops reading and accepting; resolves once that has happened. */
  stopReading(): Promise<void>
  /** Whether somebody is about to take over: nobody should be told that this daemon is ready. */
  setSuccessor(isThere: boolean): void
  /** A dnslet that cannot take over is about to serve beside this one. */
  otherVersion(): void
  /** After stopReading(): resolves when everything under way has ended. */
  drain(): Promise<void>
  /** After drain(): nothing is left to do for this process. */
  handedOver(): void
}

/** Milliseconds that each step of a successor may take. */
interface Patience {
  /** To say the next thing, or to take what is sent. */
  readonly step: number
  /** From having everything to serving. */
  readonly start: number
}

const defaultPatience: Patience = { step: 2_000, start: 60_000 }

export interface OfferOptions {
  readonly libc: Libc
  /** The state directory, checked. */
  readonly directory: string
  readonly daemon: RunningDaemon
  readonly log: Log
  /** This process's effective user: nobody else is given anything. */
  readonly uid: number
  readonly patience?: Patience
}

/** A running daemon's readiness to hand over. Until a successor says that it serves, nothing changes. */
export class Offer {
  readonly #options: OfferOptions
  readonly #patience: Patience
  readonly #server: Server
  readonly #path: string
  #file: SocketFile | null = null
  #successor: Channel | null = null
  readonly #conversations: Conversations

  /**
   * Listens for a successor in the state directory, in place of who listened there before. Rejects where
   * the socket cannot be made.
   */
  static async open(options: OfferOptions): Promise<Offer> {
    const offer = new Offer(options)
    await offer.#start()
    return offer
  }

  private constructor(options: OfferOptions) {
    this.#options = options
    this.#conversations = new Conversations(options.log)
    this.#patience = options.patience ?? defaultPatience
    this.#path = handoverSocket(options.directory)
    // Node reads nothing of a connection that is ours alone to read.
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket))
  }

  async #start(): Promise<void> {
    this.#file = await SocketFile.listen(this.#server, this.#path)
  }

  /** Ends it; a successor that has not taken over yet gets nothing more. */
  async stop(): Promise<void> {
    this.#conversations.endAll()
    await this.#close()
    this.#file?.remove()
  }

  #close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #accept(socket: Socket): void {
    const { libc, uid } = this.#options
    let channel: Channel | null = null
    try {
      channel = new Channel(libc, duplicate(libc, descriptorOf(socket)), 0)
      const peer = peerCredentials(libc, descriptorOf(socket))
      if (peer.uid !== uid) throw new HandoverError(`user ${peer.uid} asked, this is user ${uid}`)
    } catch (cause) {
      this.#conversations.complain(`Refused to hand over: ${(cause as Error).message}`)
      channel?.close()
      return
    } finally {
      socket.destroy()
    }
    this.#conversations.add(channel, this.#successor)
    void this.#serve(channel)
  }

  /** Talks to a successor; whatever goes wrong with it changes nothing for us. */
  async #serve(channel: Channel): Promise<void> {
    try {
      const pid = await this.#greet(channel)
      if (pid !== null) await this.#handOver(channel, pid)
    } catch (cause) {
      if (!(cause instanceof HandoverError)) throw cause
      // Of those that gave way one line tells for all.
      if (this.#conversations.has(channel))
        this.#conversations.complain(
          `The successor did not take over: ${cause.message}; serving on`,
        )
    } finally {
      if (this.#successor === channel) {
        this.#successor = null
        this.#options.daemon.setSuccessor(false)
      }
      this.#conversations.end(channel)
    }
  }

  /** The successor's process id; null where it was sent away. */
  async #greet(channel: Channel): Promise<number | null> {
    const { step } = this.#patience
    const { kind, payload } = await channel.receive(step)
    if (kind !== FrameKind.Hello) throw new HandoverError('it does not greet')
    const { protocol, pid } = readHello(payload)
    const reason =
      protocol === PROTOCOL_VERSION
        ? this.#successor === null
          ? null
          : 'another successor is taking over'
        : `protocol ${protocol} is not known here, only ${PROTOCOL_VERSION}`
    if (reason === null) {
      this.#successor = channel
      this.#options.daemon.setSuccessor(true)
      return pid
    }
    this.#options.log.warning(`Refused to hand over to process ${pid}: ${reason}`)
    if (protocol !== PROTOCOL_VERSION) this.#options.daemon.otherVersion()
    await channel.send(FrameKind.Refusal, step, encode({ reason, protocol: PROTOCOL_VERSION }))
    return null
  }

  async #handOver(channel: Channel, pid: number): Promise<void> {
    const { daemon, log } = this.#options
    const { step, start } = this.#patience
    log.info(`Process ${pid} asks to take over`)
    await this.#sendSockets(channel)
    let { kind } = await channel.receive(start)
    if (kind === FrameKind.WantCache) {
      for (const piece of daemon.exportCache()) await channel.send(FrameKind.Cache, step, piece)
      await channel.send(FrameKind.CacheEnd, step)
      ;({ kind } = await channel.receive(start))
    }
    if (kind !== FrameKind.Serving) throw new HandoverError(`it sends a frame of kind ${kind}`)
    await daemon.stopReading()
    log.info(`Handed over to process ${pid}; finishing what is under way`)
    void this.#close()
    await channel.send(FrameKind.LetGo, step).catch(() => {})
    channel.close()
    await daemon.drain()
    log.info('Everything under way has ended')
    daemon.handedOver()
  }

  async #sendSockets(channel: Channel): Promise<void> {
    const { daemon } = this.#options
    const [held, tun] = [daemon.held(), daemon.tun()]
    const sockets = held.map(({ kind, host, port }) => ({ kind, host, port }))
    const list = encode({ pid: process.pid, sockets, tun: tun !== null })
    const descriptors = held.map(({ fd }) => fd)
    if (tun !== null) descriptors.push(tun)
    await channel.send(FrameKind.Sockets, this.#patience.step, list, descriptors)
  }
}
