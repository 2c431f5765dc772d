import type { Libc } from './libc.ts'
import { Readable } from './readable.ts'

/** What is waited for, and what has come (epoll_ctl(2)). Errors and hang-ups come unasked. */
export const Ready = {
  In: 0x1,
  Out: 0x4,
  Error: 0x8,
  HangUp: 0x10,
  /** The other end sends no more. */
  ReadHangUp: 0x2000,
} as const

const EPOLL_CLOEXEC = 0o2000000
const Operation = { Add: 1, Delete: 2, Modify: 3 } as const
/** Descriptors told of in one turn of the event loop; others have theirs in the next. */
const MOST = 64
/** A struct epoll_event is packed on x64 alone: 32 bits of events, 64 bits of ours. */
const DATA_AT = process.arch === 'x64' ? 4 : 8
const SIZE = DATA_AT + 8
const WORDS = SIZE / 4

/** Who is told what a descriptor is ready for. */
export interface Watcher {
  /**
   * @param events bits of `Ready`
   * @param again whether in the same turn of the event loop others, or the same, have been told already
   */
  ready(events: number, again: boolean): void
}

const all = new WeakMap<Libc, Poller>()

/** The poller of this thread: there is one for all descriptors. */
export function poller(libc: Libc): Poller {
  let found = all.get(libc)
  if (found === undefined) all.set(libc, (found = new Poller(libc)))
  return found
}

/**
 * Waits for many descriptors that come and go with an epoll instance of our own, which libuv watches as one. A
 * handle of libuv's for each would be an object, several closures and two more system calls.
 *
 *     libuv ──▶ Readable ──▶ epoll_wait ──▶ Watcher.ready, each
 *
 * A descriptor is watched as long as it is ready (level-triggered). As under any `Readable`, `process.nextTick` and
 * promises wait for Node's own callbacks.
 */
class Poller {
  readonly #libc: Libc
  readonly #words: Uint32Array
  readonly #address: number
  /** By descriptor, as are `#since`. */
  readonly #watchers: (Watcher | null)[] = []
  /** The number of each watch: a descriptor that is closed may be somebody else's before its event is read. */
  readonly #since: number[] = []
  #number = 0
  #count = 0
  #fd = -1
  #readable: Readable | null = null
  #added = false

  constructor(libc: Libc) {
    this.#libc = libc
    const { address, bytes } = libc.allocate((MOST + 1) * SIZE)
    this.#address = address
    this.#words = new Uint32Array(bytes, 0, (MOST + 1) * WORDS)
  }

  /**
   * Tells `watcher` when `fd` is ready for `events`; false where the system has no room for it. Who closes `fd` calls
   * `forget()` before.
   */
  watch(fd: number, events: number, watcher: Watcher): boolean {
    if (this.#fd < 0 && !this.#open()) return false
    this.#number = (this.#number + 1) >>> 0
    this.#since[fd] = this.#number
    if (!this.#control(Operation.Add, fd, events)) {
      this.#closeLater()
      return false
    }
    this.#watchers[fd] = watcher
    this.#count++
    this.#added = true
    return true
  }

  /** Waits for other events of `fd`, which is watched. */
  change(fd: number, events: number): void {
    this.#control(Operation.Modify, fd, events)
  }

  /**
   * Nobody is told of `fd` any more.
   * @param closes whether it is closed at once, its only copy: the kernel forgets it then by itself
   */
  forget(fd: number, closes = false): void {
    if (!closes) this.#libc.epoll_ctl(this.#fd, Operation.Delete, fd, 0)
    this.#watchers[fd] = null
    this.#count--
    this.#closeLater()
  }

  #control(operation: number, fd: number, events: number): boolean {
    // Behind those that are read: a watcher may change its own wishes meanwhile.
    const at = MOST * WORDS
    this.#words[at] = events
    this.#words[at + DATA_AT / 4] = fd
    this.#words[at + DATA_AT / 4 + 1] = this.#since[fd]!
    return this.#libc.epoll_ctl(this.#fd, operation, fd, this.#address + MOST * SIZE) === 0
  }

  #open(): boolean {
    this.#fd = this.#libc.epoll_create1(EPOLL_CLOEXEC)
    if (this.#fd < 0) return false
    this.#readable = new Readable(this.#libc, this.#fd, this.#wake)
    return true
  }

  #closeLater(): void {
    if (this.#count === 0) setImmediate(this.#closeIfEmpty)
  }

  /** Nothing of it keeps the process alive without need. */
  readonly #closeIfEmpty = (): void => {
    if (this.#count > 0 || this.#fd < 0) return
    this.#readable?.close()
    this.#readable = null
    this.#libc.close(this.#fd)
    this.#fd = -1
  }

  readonly #wake = (): void => {
    this.#added = false
    this.#read(false)
    // Who is accepted has often asked already: that needs no turn of its own.
    if (this.#added) this.#read(true)
  }

  #read(again: boolean): void {
    const count = this.#libc.epoll_wait(this.#fd, this.#address, MOST, 0)
    for (let i = 0; i < count; i++) {
      const at = i * WORDS
      const fd = this.#words[at + DATA_AT / 4]!
      const watcher = this.#watchers[fd]
      if (this.#words[at + DATA_AT / 4 + 1] !== this.#since[fd] || !watcher) continue
      watcher.ready(this.#words[at]!, again)
    }
  }
}

export type { Poller }
