import { setImmediate as nextTurn } from 'node:timers/promises'

import type { HeldSocket, SocketKind } from '../../lib/held-socket.ts'
import type { Log } from '../../lib/log.ts'
import type { Inheritance } from '../../sys/descriptors.ts'
import type { Libc } from '../../sys/libc.ts'
import { connectUnix, peerCredentials, socketProtocol } from '../../sys/scm.ts'
import { errnoName, SyscallError } from '../../sys/socket.ts'
import { Channel } from './channel.ts'
import {
  encode,
  FrameKind,
  HandoverError,
  handoverSocket,
  MAX_SOCKETS,
  PROTOCOL_VERSION,
  readRefusal,
  readSockets,
  type Refusal,
  type SocketList,
} from './protocol.ts'

/** Milliseconds of work without a turn of the event loop. */
const SLICE_MS = 2

/** Milliseconds a predecessor may take for each step: it is busy serving. */
const STEP_MS = 3_000

export interface AskOptions {
  readonly libc: Libc
  /** The state directory, checked. */
  readonly directory: string
  readonly log: Log
  /** This process's effective user: nothing is taken from anybody else. */
  readonly uid: number
  /** Milliseconds each step may take. Default: 3,000. */
  readonly patience?: number
}

/** A dnslet runs on this node and answers, but speaks another version of the protocol. */
export const OTHER_VERSION = 'other version'

/**
 * Asks the daemon that runs on this node, if there is one, for what it has. Null where there is none,
 * or none that answers us as it should. Never rejects.
 */
export async function askPredecessor(
  options: AskOptions,
): Promise<Predecessor | typeof OTHER_VERSION | null> {
  const { libc, directory, log, uid, patience = STEP_MS } = options
  let channel: Channel | null = null
  try {
    const fd = connectUnix(libc, handoverSocket(directory))
    channel = new Channel(libc, fd, MAX_SOCKETS + 1)
    const peer = peerCredentials(libc, fd)
    if (peer.uid !== uid) throw new HandoverError(`it is user ${peer.uid}, this is user ${uid}`)
    const list = await askForSockets(channel, patience)
    if ('reason' in list) {
      channel.close()
      if (list.protocol === PROTOCOL_VERSION) throw new HandoverError(list.reason)
      log.warning(
        `The running dnslet hands over by protocol ${list.protocol}, this one by ` +
          `${PROTOCOL_VERSION}: both serve until it is ended, and the cache starts empty`,
      )
      return OTHER_VERSION
    }
    const held = adopt(libc, list, channel.descriptors)
    log.info(`Taking over from process ${list.pid}: ${held.sockets.length} sockets`)
    return new Predecessor({ libc, channel, log, patience, pid: list.pid, ...held })
  } catch (cause) {
    channel?.close()
    if (!isNobodyThere(cause)) {
      log.warning(`Cannot take over from the running dnslet: ${(cause as Error).message}`)
    }
    return null
  }
}

/** No socket file, or one that a process which is gone has left. */
function isNobodyThere(cause: unknown): boolean {
  if (!(cause instanceof SyscallError)) return false
  return ['ENOENT', 'ECONNREFUSED'].includes(errnoName(cause.errno))
}

async function askForSockets(channel: Channel, patience: number): Promise<SocketList | Refusal> {
  const hello = encode({ protocol: PROTOCOL_VERSION, pid: process.pid })
  await channel.send(FrameKind.Hello, patience, hello)
  const { kind, payload } = await channel.receive(patience)
  if (kind === FrameKind.Refusal) return readRefusal(payload)
  if (kind !== FrameKind.Sockets) throw new HandoverError(`it sends a frame of kind ${kind}`)
  return readSockets(payload)
}

interface Adopted {
  readonly sockets: readonly HeldSocket[]
  readonly tun: number | null
}

/** Gives each descriptor its meaning. Throws HandoverError where one is not what it is said to be. */
function adopt(libc: Libc, { sockets, tun }: SocketList, descriptors: number[]): Adopted {
  const expected = sockets.length + (tun ? 1 : 0)
  if (descriptors.length !== expected) {
    throw new HandoverError(`${expected} descriptors were announced, ${descriptors.length} came`)
  }
  const adopted = sockets.map((socket, i) => ({ ...socket, fd: descriptors[i]! }))
  for (const { kind, fd } of adopted) {
    if (socketProtocol(libc, fd) !== (kind === 'udp' ? 'udp' : 'tcp')) {
      throw new HandoverError(`a descriptor is no ${kind} socket`)
    }
  }
  return { sockets: adopted, tun: tun ? descriptors[sockets.length]! : null }
}

interface PredecessorParts extends Adopted {
  readonly libc: Libc
  readonly channel: Channel
  readonly log: Log
  readonly patience: number
  readonly pid: number
}

/**
 * Who serves up to now, and what it has given us. It goes on serving until `takeOver()`; where this
 * process ends before that, for whatever reason, it never notices.
 */
export class Predecessor implements Inheritance {
  readonly #parts: PredecessorParts
  /** How many sockets for DNS have been taken: with none, the two serve different addresses. */
  taken = 0
  /** Sockets nobody has taken yet. */
  readonly #left: HeldSocket[]
  /** The TUN, where nobody has taken it yet. */
  #tun: number | null

  constructor(parts: PredecessorParts) {
    this.#parts = parts
    this.#left = [...parts.sockets]
    this.#tun = parts.tun
    // From here on each belongs to who takes it.
    parts.channel.descriptors.length = 0
  }

  has(kind: SocketKind, host: string, port: number): boolean {
    return this.#find(kind, host, port) >= 0
  }

  #find(kind: SocketKind, host: string, port: number): number {
    return this.#left.findIndex(
      (one) => one.kind === kind && one.host === host && one.port === port,
    )
  }

  take(kind: SocketKind, host: string, port: number): number | null {
    const at = this.#find(kind, host, port)
    if (at < 0) return null
    if (kind !== 'http') this.taken++
    return this.#left.splice(at, 1)[0]!.fd
  }

  /** Whether there is a TUN that nobody has taken. Of who serves other addresses it is none for us. */
  get hasTun(): boolean {
    return this.taken > 0 && this.#tun !== null
  }

  takeTun(): number | null {
    if (!this.hasTun) return null
    const tun = this.#tun
    this.#tun = null
    return tun
  }

  /**
   * Hands the predecessor's cache to `push`, piece by piece. Rejects where the cache does not come
   * to its end, or with what `push` threw; the sockets are good nevertheless.
   */
  async receiveCache(push: (piece: Buffer) => void): Promise<void> {
    const { channel, patience } = this.#parts
    let refused: { readonly cause: unknown } | null = null
    await channel.send(FrameKind.WantCache, patience)
    let since = performance.now()
    for (;;) {
      // Many pieces come with one read: the event loop is to turn in between.
      if (performance.now() - since > SLICE_MS) {
        await nextTurn()
        since = performance.now()
      }
      const { kind, payload } = await channel.receive(patience)
      if (kind === FrameKind.CacheEnd) break
      if (kind !== FrameKind.Cache) throw new HandoverError(`it sends a frame of kind ${kind}`)
      // What nobody wants is read nevertheless: the conversation goes on behind it.
      if (refused !== null) continue
      try {
        push(payload)
      } catch (cause) {
        refused = { cause }
      }
    }
    if (refused !== null) throw refused.cause
  }

  /**
   * Says that this process serves. Resolves when the predecessor reads and accepts no more; where it
   * does not say so, both may serve for a while, which loses nothing. Never rejects.
   */
  async takeOver(): Promise<void> {
    const { channel, log, patience, pid } = this.#parts
    this.#closeLeft()
    try {
      await channel.send(FrameKind.Serving, patience)
      const { kind } = await channel.receive(patience)
      if (kind !== FrameKind.LetGo) throw new HandoverError(`it sends a frame of kind ${kind}`)
      log.info(`Took over from process ${pid}`)
    } catch (cause) {
      log.warning(`Process ${pid} did not confirm that it lets go: ${(cause as Error).message}`)
    } finally {
      channel.close()
    }
  }

  /** Takes nothing over: the predecessor serves on. */
  leave(): void {
    this.#closeLeft()
    this.#parts.channel.close()
  }

  /** A TUN that nobody holds goes, and queries with it. */
  #closeLeft(): void {
    const { libc } = this.#parts
    for (const { fd } of this.#left.splice(0)) libc.close(fd)
    if (this.#tun !== null) libc.close(this.#tun)
    this.#tun = null
  }
}
