import { libc, type Libc } from '../../src/sys/libc.ts'
import { MSG_DONTWAIT } from '../../src/sys/mmsg.ts'
import { check } from '../../src/sys/socket.ts'
import { AF_INET, writeSockaddr } from '../../src/sys/sockaddr.ts'
import type { Owner } from '../helpers/processes.ts'
import { message, opt } from '../wire/message.ts'

/** SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC. */
const DATAGRAMS = 2 | 0o4000 | 0o2000000
const TICK_MS = 5
const BURST_MS = 10

export interface FloodOptions {
  /** Where to send to, on 127.0.0.1. */
  readonly port: number
  /** The client's address: one of 127.0.0.0/8. */
  readonly from: string
  /** Queries a second. */
  readonly rate: number
  /** The name of the nth query, counted from 0. */
  readonly name: (n: number) => string
}

/** A client that asks over UDP at a rate and waits for nobody; ends with its owner. */
export class Flood {
  sent = 0
  /** Replies so far, by rcode. */
  readonly replies: number[] = new Array<number>(16).fill(0)
  readonly #libc: Libc
  readonly #fd: number
  readonly #o: FloodOptions
  readonly #reply = Buffer.alloc(4096)
  #begun = performance.now()
  readonly #timer: NodeJS.Timeout

  constructor(owner: Owner, options: FloodOptions) {
    const { libc: system } = libc()
    if (system === null) throw new Error('Cannot flood: no C library')
    this.#libc = system
    this.#o = options
    this.#fd = connected(system, options.from, options.port)
    this.#timer = setInterval(() => this.#turn(), TICK_MS)
    owner.after(() => this.stop())
  }

  #turn(): void {
    const { rate } = this.#o
    const due = ((performance.now() - this.#begun) * rate) / 1000
    // What a busy machine has kept it from sending is not sent in one burst.
    if (due - this.sent > (rate * BURST_MS) / 1000) {
      this.#begun += ((due - this.sent) * 1000) / rate - BURST_MS
    }
    const last = ((performance.now() - this.#begun) * rate) / 1000
    for (; this.sent < last; this.sent++) {
      const wire = message({
        id: this.sent & 0xffff,
        name: this.#o.name(this.sent),
        flags: 0x0100,
        additional: [opt()],
      })
      this.#libc.send(this.#fd, wire, wire.length, MSG_DONTWAIT)
    }
    while (this.#libc.recv(this.#fd, this.#reply, this.#reply.length, MSG_DONTWAIT) > 0) {
      this.replies[this.#reply[3]! & 15]!++
    }
  }

  stop(): void {
    if (this.#timer.hasRef()) this.#libc.close(this.#fd)
    this.#timer.unref()
    clearInterval(this.#timer)
  }
}

function connected(system: Libc, from: string, port: number): number {
  const fd = system.socket(AF_INET, DATAGRAMS, 0)
  check(system, 'socket', fd)
  const name = Buffer.alloc(16)
  writeSockaddr(system, name, false, from, 0)
  check(system, 'bind', system.bind(fd, name, name.length))
  writeSockaddr(system, name, false, '127.0.0.1', port)
  check(system, 'connect', system.connect(fd, name, name.length))
  return fd
}
