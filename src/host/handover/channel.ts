import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

import type { Libc } from '../../sys/libc.ts'
import {
  DESCRIPTORS_PER_MESSAGE,
  receiveWithDescriptors,
  sendWithDescriptors,
  WOULD_BLOCK,
} from '../../sys/scm.ts'
import { FRAME_HEAD, type FrameKind, HandoverError, MAX_PAYLOAD } from './protocol.ts'

/** How long to wait before a socket is tried again: at first, and after a second of waiting. */
const FIRST_WAIT_MS = 1
const LAST_WAIT_MS = 10

const nothing: Buffer = Buffer.alloc(0)

export interface Frame {
  readonly kind: number
  readonly payload: Buffer
}

/**
 * Frames and descriptors over a unix stream socket. Node's own reads lose what comes as SCM_RIGHTS, so
 * the socket is tried again every few milliseconds, in both directions and for the second this takes.
 * The event loop has its turn after every call, so queries are answered meanwhile. Every wait ends.
 */
export class Channel {
  /** Descriptors received; who takes them out owns them, `close()` closes the others. */
  readonly descriptors: number[] = []
  readonly #libc: Libc
  readonly #fd: number
  readonly #takes: number
  #received: Buffer = nothing
  #closed = false

  /**
   * @param fd not blocking; closed with the channel
   * @param takes descriptors this side takes at most; the kernel closes others unseen where it is 0
   */
  constructor(libc: Libc, fd: number, takes: number) {
    this.#libc = libc
    this.#fd = fd
    this.#takes = takes
  }

  /**
   * Sends a frame, and descriptors with it. Rejects with HandoverError where the other side takes
   * nothing for `patience` milliseconds, or is gone.
   */
  async send(
    kind: FrameKind,
    patience: number,
    payload: Uint8Array = nothing,
    descriptors: readonly number[] = [],
  ): Promise<void> {
    const frame = Buffer.allocUnsafe(FRAME_HEAD + payload.length)
    frame[0] = kind
    frame.writeUInt32BE(payload.length, 1)
    frame.set(payload, FRAME_HEAD)
    let sent = 0
    let given = 0
    let since = performance.now()
    while (sent < frame.length) {
      const group = descriptors.slice(given, given + DESCRIPTORS_PER_MESSAGE)
      // One octet carries a group; what is left of the frame goes with the last.
      const end = given + group.length < descriptors.length ? sent + 1 : frame.length
      const taken = this.#try((fd) =>
        sendWithDescriptors(this.#libc, fd, frame.subarray(sent, end), group),
      )
      if (taken === WOULD_BLOCK) {
        await this.#wait(since, patience)
        continue
      }
      sent += taken
      given += group.length
      since = performance.now()
      await nextTurn()
    }
  }

  /**
   * The next frame. Rejects with HandoverError where it is not complete after `patience`
   * milliseconds, or the other side is gone or sends what cannot be a frame.
   */
  async receive(patience: number): Promise<Frame> {
    const since = performance.now()
    for (;;) {
      const frame = this.#takeFrame()
      if (frame !== null) return frame
      const descriptors = this.#takes === 0 ? null : this.descriptors
      const octets = this.#try((fd) => receiveWithDescriptors(this.#libc, fd, descriptors))
      if (this.descriptors.length > this.#takes)
        throw new HandoverError('it sends too many sockets')
      if (octets === null) {
        await this.#wait(since, patience)
        continue
      }
      if (octets.length === 0) throw new HandoverError('it closed the connection')
      this.#received =
        this.#received.length === 0 ? octets : Buffer.concat([this.#received, octets])
      if (performance.now() - since > patience) throw late(patience)
      await nextTurn()
    }
  }

  /** Closes the connection and every descriptor that nobody took. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#libc.close(this.#fd)
    for (const fd of this.descriptors.splice(0)) this.#libc.close(fd)
  }

  #takeFrame(): Frame | null {
    const received = this.#received
    if (received.length < FRAME_HEAD) return null
    const size = received.readUInt32BE(1)
    if (size > MAX_PAYLOAD) throw new HandoverError('it sends what is no frame')
    if (received.length < FRAME_HEAD + size) return null
    this.#received = received.subarray(FRAME_HEAD + size)
    return { kind: received[0]!, payload: received.subarray(FRAME_HEAD, FRAME_HEAD + size) }
  }

  #try<T>(call: (fd: number) => T): T {
    // A number that was closed may be another file by now.
    if (this.#closed) throw new HandoverError('the connection is closed')
    try {
      return call(this.#fd)
    } catch (cause) {
      throw new HandoverError(`the connection broke: ${(cause as Error).message}`, { cause })
    }
  }

  async #wait(since: number, patience: number): Promise<void> {
    const waited = performance.now() - since
    if (waited > patience) throw late(patience)
    await sleep(Math.min(FIRST_WAIT_MS + waited / 100, LAST_WAIT_MS))
  }
}

function late(patience: number): HandoverError {
  return new HandoverError(`nothing came of it for ${patience / 1000} s`)
}
