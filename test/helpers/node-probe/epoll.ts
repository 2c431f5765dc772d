import koffi from 'koffi'

const EPOLL_CLOEXEC = 0o2000000
const EPOLL_CTL_ADD = 1
const EPOLLIN = 1
/** struct epoll_event is packed on x64, and only there. */
const [SIZE, DATA] = process.arch === 'x64' ? [12, 4] : [16, 8]
const COUNT = 256

/**
 * epoll, for a probe with thousands of sockets; the program itself has no need of it, so it is
 * declared here. A closed descriptor leaves by itself.
 */
export class Epoll {
  /** Descriptors that the last `wait` found readable or failed. */
  readonly ready: Int32Array = new Int32Array(COUNT)
  readonly #fd: number
  readonly #event: Buffer = Buffer.alloc(SIZE)
  readonly #events: Buffer = Buffer.alloc(COUNT * SIZE)
  readonly #libc: ReturnType<typeof declare> = declare()

  constructor() {
    this.#fd = this.#libc.create(EPOLL_CLOEXEC) as number
  }

  add(fd: number): void {
    this.#event.writeUInt32LE(EPOLLIN, 0)
    this.#event.writeUInt32LE(fd, DATA)
    this.#libc.control(this.#fd, EPOLL_CTL_ADD, fd, this.#event)
  }

  /** How many descriptors of `ready` are set; does not block. */
  wait(): number {
    const count = this.#libc.wait(this.#fd, this.#events, COUNT, 0) as number
    for (let i = 0; i < count; i++) this.ready[i] = this.#events.readUInt32LE(i * SIZE + DATA)
    return count
  }
}

function declare() {
  const own = koffi.load(null)
  return {
    create: own.func('int epoll_create1(int flags)'),
    control: own.func('int epoll_ctl(int epfd, int operation, int fd, void *event)'),
    wait: own.func('int epoll_wait(int epfd, _Out_ void *events, int count, int timeout)'),
  }
}
