import { constants } from 'node:os'
import { canonicalAddress, type Endpoint, isLoopback, joinHostPort } from '../lib/address.ts'
import type { Libc } from '../sys/libc.ts'
import { translatedTo } from '../sys/conntrack.ts'

/** What connection tracking knows of a connection, from our own address and port to an upstream's. */
export type Translation = (from: Endpoint, to: Endpoint) => string | number

/** Errors after which it is of no use to ask again: no right, no connection tracking, none of its netlink. */
const FINAL: readonly number[] = [
  constants.errno.EPERM,
  constants.errno.EACCES,
  constants.errno.EINVAL,
  constants.errno.EPROTONOSUPPORT,
  constants.errno.EAFNOSUPPORT,
]

/** The server is the upstream itself, as far as this machine can tell. */
export const ITSELF = ''

/**
 * Which of the servers behind an upstream's address answers a connection. kube-proxy gives each connection
 * to a Service a pod by chance, and connection tracking knows which.
 */
export class Backends {
  readonly #translated: Translation
  #isOver = false

  constructor(translated: Translation) {
    this.#translated = translated
  }

  /** `ip:port` of the server, `ITSELF` where nothing is translated, null where nobody can tell. */
  of(from: Endpoint, to: Endpoint): string | null {
    if (this.#isOver) return null
    const found = this.#translated(from, to)
    if (typeof found === 'number') {
      this.#isOver = FINAL.includes(found)
      return null
    }
    return found === joinHostPort(canonicalAddress(to.host), to.port) ? ITSELF : found
  }
}

/**
 * As the kernel tells. A loopback address is one server's: kube-proxy translates none to a Service.
 *
 * @param libc null: nobody can tell of others
 */
export function kernelBackends(libc: Libc | null): Backends {
  return new Backends((from, to) => {
    if (isLoopback(to.host)) return joinHostPort(canonicalAddress(to.host), to.port)
    return libc === null ? constants.errno.EPERM : translatedTo(libc, from, to)
  })
}
