import type { Socket } from 'node:net'

import { unmapped } from '../lib/address.ts'
import { clientOf } from '../lib/client-share.ts'
import { clientSockaddr } from '../sys/sockaddr.ts'

/** Who speaks on a stream. */
export interface StreamOwner {
  /** `chunk[0..length)` has come, borrowed until this returns. */
  received(chunk: Buffer, length: number): void
  /** The client sends no more. */
  ended(): void
  /** It is broken; `closed` follows. */
  failed(): void
  /** It is over, and `destroy()` may be why: the owner may hear of it before that returns. */
  closed(): void
  /** So many more octets of what is being written are with the system. */
  wrote(octets: number): void
}

/** The stream of a client's connection. */
export interface ClientStream {
  /** Who speaks on it, or spoke last. */
  readonly owner: StreamOwner | null
  /** IP addresses without scope but for link-local ones, IPv4 as such. */
  readonly remoteAddress: string
  /** Whose share it counts against (lib/client-share.ts). */
  readonly client: string
  /** The client's socket address of 28 octets (sys/sockaddr.ts), IPv4 as such. */
  readonly sockaddr: Buffer
  readonly localAddress: string
  readonly localPort: number
  /** Whether the octets of a write that `destroy()` cut off may be read still. */
  readonly readsOn: boolean
  /** Reads from now on. */
  start(owner: StreamOwner): void
  /**
   * Writes `bytes[0..length)`, and returns how many octets the system has taken: of the others `wrote` tells. Until
   * then nothing else may be written, and `bytes` stay as they are.
   */
  write(bytes: Buffer, length: number): number
  /** Both change nothing where that is so already. */
  pause(): void
  resume(): void
  /** Everything has been written: closes our side, and then, when the client has closed its own, the stream. */
  end(): void
  destroy(): void
}

/** A stream of Node's: an encrypted one, or any where the C library cannot be called. */
export class NodeStream implements ClientStream {
  readonly remoteAddress: string
  readonly client: string
  readonly sockaddr: Buffer
  readonly localAddress: string
  readonly localPort: number
  /** libuv may hold the write. */
  readonly readsOn = true
  readonly #socket: Socket
  owner: StreamOwner | null = null
  #writing = 0

  /** @param socket one with `allowHalfOpen` */
  constructor(socket: Socket) {
    this.#socket = socket
    this.localAddress = unmapped(socket.localAddress ?? '')
    this.localPort = socket.localPort ?? 0
    this.remoteAddress = unmapped(socket.remoteAddress ?? '')
    this.client = clientOf(this.remoteAddress)
    this.sockaddr = clientSockaddr(this.remoteAddress, socket.remotePort ?? 0)
  }

  start(owner: StreamOwner): void {
    this.owner = owner
    this.#socket.on('data', (chunk) => owner.received(chunk, chunk.length))
    this.#socket.on('end', () => owner.ended())
    this.#socket.on('error', () => owner.failed())
    this.#socket.on('close', () => owner.closed())
  }

  write(bytes: Buffer, length: number): number {
    this.#writing = length
    this.#socket.write(length === bytes.length ? bytes : bytes.subarray(0, length), this.#wrote)
    return 0
  }

  readonly #wrote = (error?: Error | null): void => {
    // A broken stream has nothing to write: its end is near.
    if (!error) this.owner?.wrote(this.#writing)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
    // The client's FIN is behind what it may still send.
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
