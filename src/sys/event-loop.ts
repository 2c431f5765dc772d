/** libuv's watch over a descriptor; it ends with `close()` alone. */
export interface PollHandle {
  /** Begins again after an error, which ends it. */
  start(ready: (status: number) => void): void
  /** The descriptor stays open, and may be closed at once. */
  close(): void
}

export type Poll = (fd: number, ready: (status: number) => void) => PollHandle

type Native = (...args: unknown[]) => number

/** What is needed of koffi, and of the program that it has loaded: Node.js, which exports libuv. */
export interface Koffi {
  alloc(type: string, length: number): unknown
  address(pointer: unknown): bigint
  view(address: unknown, length: number): ArrayBuffer
  pointer(type: unknown): unknown
  proto(result: string, parameters: string[]): unknown
  register(callback: (...args: number[]) => void, type: unknown): unknown
  unregister(callback: unknown): void
  readonly node: { readonly env: unknown; readonly poll: unknown }
}
export interface Program {
  func(definition: string): unknown
  func(name: string, result: string, parameters: unknown[]): unknown
}

/** Of uv.h, whose numbers and structures are those of every libuv 1. */
const UV_POLL = 8
const UV_READABLE = 1
const UV_METRICS_IDLE_TIME = 1
/** In words, where `struct uv_loop_s` has the address of what libuv keeps to itself: flags come first. */
const INTERNAL_FIELDS = 10
const LOOP_WORDS = 12
const WORD = 2 ** 32
/** Handles of our own. koffi has room for 8,192 callbacks; a load tester may wait for more descriptors. */
const MOST = 1024

/**
 * The event loop of this thread, spoken to without koffi's own wrapper around it: that makes an object of
 * three properties for every wake-up, which costs a lone question more than all our work on it.
 */
export class EventLoop {
  readonly #koffi: Koffi
  /** Address of the loop. */
  readonly #loop: number
  readonly #size: number
  readonly #init: Native
  readonly #start: Native
  readonly #stop: Native
  readonly #close: Native
  readonly #configure: Native
  readonly #error: (code: number) => string
  readonly #readyType: unknown
  readonly #closed: unknown
  /** Callbacks of handles that libuv is closing, by address. */
  readonly #closing = new Map<number, unknown>()
  /** Addresses of handles that it has closed: their memory serves the next ones. */
  readonly #spare: number[] = []

  readonly #most: number
  #open = 0

  /**
   * Throws where this Node.js does not export what is needed.
   *
   * @param most handles at a time; further descriptors are left to koffi's wrapper
   */
  constructor(koffi: Koffi, program: Program, most: number = MOST) {
    this.#most = most
    const native = (definition: string): Native => program.func(definition) as Native
    this.#koffi = koffi
    const get = native('int napi_get_uv_event_loop(void *env, _Out_ uintptr_t *loop)')
    const loop = [0]
    if (get(koffi.node.env, loop) !== 0) throw new Error('there is no event loop')
    this.#loop = loop[0]!
    this.#size = native('size_t uv_handle_size(int type)')(UV_POLL)
    this.#init = native('int uv_poll_init(uintptr_t loop, uintptr_t handle, int fd)')
    this.#stop = native('int uv_poll_stop(uintptr_t handle)')
    this.#configure = native('int uv_loop_configure(uintptr_t loop, int option)')
    this.#error = program.func('const char *uv_strerror(int code)') as (code: number) => string
    // The handle is an address, of which nobody wants to know more than that it is an argument.
    this.#readyType = koffi.pointer(koffi.proto('void', ['int', 'int']))
    const watch = ['uintptr_t', 'int', this.#readyType]
    this.#start = program.func('uv_poll_start', 'int', watch) as Native
    const closedType = koffi.pointer(koffi.proto('void', ['uintptr_t']))
    this.#close = program.func('uv_close', 'void', ['uintptr_t', closedType]) as Native
    this.#closed = koffi.register((handle) => this.#forget(handle), closedType)
  }

  /** As `Libc.poll()`. Throws where libuv cannot watch `fd`, or does already. */
  readonly poll: Poll = (fd, ready) => {
    if (this.#open === this.#most) return (this.#koffi.node.poll as Poll)(fd, ready)
    const handle = this.#spare.pop() ?? this.#allocate()
    const refused = this.#init(this.#loop, handle, fd)
    if (refused < 0) {
      this.#spare.push(handle)
      throw new Error(`Cannot watch descriptor ${fd}: ${this.#error(refused)}`)
    }
    const callback = this.#koffi.register((_handle, status) => ready(status), this.#readyType)
    const start = (): void => void this.#start(handle, UV_READABLE, callback)
    start()
    this.#open++
    let isOpen = true
    return {
      start: () => {
        if (isOpen) start()
      },
      close: () => {
        if (!isOpen) return
        isOpen = false
        this.#stop(handle)
        // The callback may be running: it is given back when libuv is done with the handle.
        this.#closing.set(handle, callback)
        this.#close(handle, this.#closed)
      },
    }
  }

  /**
   * Ends the count of idle time (`performance.eventLoopUtilization()`), for which libuv asks the kernel twice
   * in every turn: whether there is something already, and then for what comes. Node.js begins it and
   * nothing ends it, hence the flag is taken away in memory; only where `uv_loop_configure()` sets the very
   * same bit again, which proves that this is the flag. Returns whether nothing is counted from now on.
   */
  stopIdleCount(): boolean {
    const loop = new Uint32Array(this.#koffi.view(this.#loop, LOOP_WORDS * 4))
    const address = loop[INTERNAL_FIELDS]! + loop[INTERNAL_FIELDS + 1]! * WORD
    if (address === 0) return false
    const flags = new Uint32Array(this.#koffi.view(address, 4))
    const before = flags[0]!
    if ((before & UV_METRICS_IDLE_TIME) === 0) return false
    flags[0] = before & ~UV_METRICS_IDLE_TIME
    const isFlag = this.#configure(this.#loop, UV_METRICS_IDLE_TIME) === 0 && flags[0] === before
    flags[0] = isFlag ? before & ~UV_METRICS_IDLE_TIME : before
    return isFlag
  }

  #allocate(): number {
    return Number(this.#koffi.address(this.#koffi.alloc('uint8_t', this.#size)))
  }

  #forget(handle: number): void {
    this.#koffi.unregister(this.#closing.get(handle))
    this.#closing.delete(handle)
    this.#spare.push(handle)
    this.#open--
  }
}
