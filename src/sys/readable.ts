import type { PollHandle } from './event-loop.ts'
import type { Libc } from './libc.ts'
import { takeError } from './socket.ts'

/**
 * Wakes its owner in each turn of the event loop in which a socket has something to read. The owner
 * reads the socket itself, as much as it wants: what is left wakes it again in the next turn.
 *
 * Node does not know that JavaScript runs here. `process.nextTick` and promises wait until its own
 * callbacks are next: code that starts something of the kind makes sure with `setImmediate`.
 */
export class Readable {
  readonly #libc: Libc
  readonly #fd: number
  readonly #wake: () => void
  readonly #poll: PollHandle
  #closed = false

  /** @param fd an open socket that nobody else waits for: libuv refuses any other */
  constructor(libc: Libc, fd: number, wake: () => void) {
    this.#libc = libc
    this.#fd = fd
    this.#wake = wake
    this.#poll = libc.poll(fd, this.#ready)
  }

  /** Wakes nobody any more. The descriptor stays the owner's. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#poll.close()
  }

  readonly #ready = (status: number): void => {
    try {
      // A pending error makes the socket ready for ever and libuv stop; taken, it is forgotten.
      if (status < 0) {
        takeError(this.#libc, this.#fd)
        this.#poll.start(this.#ready)
      }
      this.#wake()
    } catch (cause) {
      // An exception in a native callback would be lost: this makes it an uncaught one.
      setImmediate(() => {
        throw cause
      })
    }
  }
}
