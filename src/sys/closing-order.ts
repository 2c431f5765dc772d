import { watch } from 'node:fs'

import type { Libc } from './libc.ts'

const O_CLOEXEC = 0o2000000
const F_DUPFD_CLOEXEC = 1030
/** Listeners have numbers from here on: below are all of an ordinary process. */
const LISTENERS = 512
/** UDP sockets of eight addresses on two ports, and one to the packet filter. More close like anything else. */
const SOCKETS = 17

/** Who closes a descriptor: the C library, or who keeps its number. */
export interface Closer {
  close(fd: number): unknown
}

/**
 * What the kernel closes first when this process is killed. It goes from the highest descriptor down:
 *
 *     512 and more     listeners: they refuse, and reset whom they have not accepted
 *     any              connections: reset, while the interface still leads to their clients
 *     the last place   the TUN: kube-dns answers from here on
 *     other places     UDP sockets: closed before the TUN they would refuse queries, now those are lost
 *                      and asked again; the socket to the packet filter, whose end waits for nf_tables
 *     below            what libuv opened before, files watched among it: 20 ms to close
 *
 * A connection that ends after the TUN cannot reset its client. What that sends on goes to a kube-dns
 * pod; where conntrack remembers the client's port, it is thrown away, and the client hangs. Hence no
 * number below the TUN's is ever free: Node would give it to a connection.
 *
 * Whoever cannot have a better number keeps its own.
 */
export class ClosingOrder implements Closer {
  readonly #libc: Libc
  /** /dev/null, which holds every place that is not in use. */
  readonly #nothing: number
  /** Free places for sockets. */
  readonly #places: number[]
  readonly #tunPlace: number
  /** Places in use. */
  readonly #used = new Set<number>()

  /** To be made before anything else is opened. */
  constructor(libc: Libc) {
    this.#libc = libc
    try {
      // libuv opens its inotify instance now, and keeps it.
      watch('/').close()
    } catch {
      // No more instances for this user: then it has none to close.
    }
    const opened = Array.from({ length: SOCKETS + 2 }, () => libc.open('/dev/null', O_CLOEXEC, 0))
    const [nothing = -1, ...places] = opened.toSorted((a, b) => a - b)
    this.#nothing = nothing
    this.#tunPlace = places.pop() ?? -1
    this.#places = places
  }

  /** Gives a socket a place after the TUN; returns its new number. */
  socket(fd: number): number {
    const place = this.#places.pop() ?? -1
    const moved = this.#move(fd, place)
    if (moved !== place && place >= 0) this.#places.push(place)
    return moved
  }

  /** Gives the TUN its place, where another one has not got it; returns its new number. */
  tun(fd: number): number {
    return this.#used.has(this.#tunPlace) ? fd : this.#move(fd, this.#tunPlace)
  }

  /** Moves a listener behind everything else; returns its new number. */
  listener(fd: number): number {
    const higher = this.#libc.fcntl(fd, F_DUPFD_CLOEXEC, LISTENERS)
    // Beyond the limit of open files.
    if (higher < 0) return fd
    this.#libc.close(fd)
    return higher
  }

  /** Closes such a socket or the TUN, and keeps its place for the next. */
  close(fd: number): void {
    if (!this.#used.delete(fd)) this.#libc.close(fd)
    else if (this.#libc.dup3(this.#nothing, fd, O_CLOEXEC) < 0) this.#libc.close(fd)
    else if (fd !== this.#tunPlace) this.#places.push(fd)
  }

  #move(fd: number, place: number): number {
    if (place < 0 || this.#libc.dup3(fd, place, O_CLOEXEC) < 0) return fd
    this.#used.add(place)
    this.#libc.close(fd)
    return place
  }
}
