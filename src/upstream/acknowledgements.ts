import { libc } from '../sys/libc.ts'
import { acknowledgeNow, unacknowledgedBytes } from '../sys/socket.ts'

/** Node's shortest timer. The kernel would wait 40 ms. */
const DELAY_MS = 1

/** A connection whose upstream may wait for an acknowledgement. */
export interface Acknowledgeable {
  /** Acknowledges what it has received, unless a write has done that meanwhile. */
  acknowledge(): void
}

/**
 * Acknowledges what TCP connections have received, if within a millisecond nothing was sent that
 * carries it. An upstream that writes its answers one by one and lets Nagle's algorithm run (nsd) sends
 * the second only after the first is acknowledged; the kernel would put that off for 40 ms.
 */
export class Acknowledgements {
  /** Acknowledges at once what the socket with this descriptor has received. */
  readonly send: (fd: number) => void
  /** Octets sent from this socket that the other end has not acknowledged; 0 where nobody can tell. */
  readonly pending: (fd: number) => number
  #due: Acknowledgeable[] = []
  #spare: Acknowledgeable[] = []

  constructor() {
    const { libc: system } = libc()
    this.send = system === null ? () => {} : (fd) => acknowledgeNow(system, fd)
    this.pending = system === null ? () => 0 : (fd) => unacknowledgedBytes(system, fd)
  }

  /** Asks for `one.acknowledge()` in a millisecond. */
  add(one: Acknowledgeable): void {
    if (this.#due.length === 0) setTimeout(this.#run, DELAY_MS)
    this.#due.push(one)
  }

  readonly #run = (): void => {
    const due = this.#due
    this.#due = this.#spare
    for (let i = 0; i < due.length; i++) due[i]!.acknowledge()
    due.length = 0
    this.#spare = due
  }
}
