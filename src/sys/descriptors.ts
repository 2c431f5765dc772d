import { readdirSync, readFileSync, watch } from 'node:fs'
import { isIP, type Server } from 'node:net'
import { canonicalAddress } from '../lib/address.ts'
import { DnsletError } from '../lib/errors.ts'
import type { SocketKind } from '../lib/held-socket.ts'
import { type Libc, libc as loadedLibc } from './libc.ts'
import { AF_NETLINK } from './netlink-message.ts'
import { bindTcp, bindUdp, check, forgetSharing, shareAddress, Sock } from './socket.ts'
import { openTun, tunName } from './tun.ts'

const O_CLOEXEC = 0o2000000
const F_DUPFD_CLOEXEC = 1030
const NETLINK_NETFILTER = 12
/** Its number is the same on every architecture. */
const SYS_CLOSE_RANGE = 436
const CLOSE_RANGE_UNSHARE = 2
/** No descriptor has this number. */
const NONE = 0xffff_ffff
/** Listeners have numbers from here on: below are all of an ordinary process. */
const LISTENERS = 512
/** UDP sockets of eight addresses on two ports, and one to the packet filter. More close like anything else. */
const SOCKETS = 17

/** What a predecessor gives and nobody uses yet. */
export interface Inheritance {
  /** Whether `take()` gives one. */
  has(kind: SocketKind, host: string, port: number): boolean
  /** The descriptor bound to this address, now the caller's to close; null where there is none. */
  take(kind: SocketKind, host: string, port: number): number | null
  /** The TUN's, likewise. */
  takeTun(): number | null
}

export interface DescriptorsOptions {
  /**
   * Whether what is said of a node holds: to be made before anything else is opened then; its addresses that come and go,
   * canonical. Default: null, no node.
   */
  readonly onNode?: readonly string[] | null
  /** Default: this process's. */
  readonly libc?: Libc | null
}

/**
 * Opens and closes what clients and the kernel reach this process by. What a predecessor gives comes before
 * anything new. Without the C library Node opens all that it can itself.
 *
 * On a node, sockets of addresses that come and go are bound before these exist, and numbers say what the kernel closes first
 * when this process is killed. It goes from the highest descriptor down:
 *
 *     512 and more     listeners: they refuse, and reset whom they have not accepted
 *     any              connections: reset, while the interface still leads to their clients
 *     the last place   the TUN: kube-dns answers from here on
 *     other places     UDP sockets: closed before the TUN they would refuse queries, now those are lost
 *                      and asked again; the socket to the packet filter, whose end waits for nf_tables,
 *                      under load for over a second
 *     below            what libuv opened before, files watched among it: 20 ms to close
 *
 * It does so when the last thread ends that shares them, and that last thread frees the process's memory before:
 * 5 to 10 ms, or hundreds on a busy CPU where it is V8's compiler, which has a lower priority. So the main
 * thread leaves the table that it shares with Node's first threads, which open nothing; libuv's come later and
 * share the new one.
 *
 * A connection that ends after the TUN cannot reset its client. What that sends on goes to a kube-dns
 * pod; where conntrack remembers the client's port, it is thrown away, and the client hangs. Hence no
 * number below the TUN's is ever free: Node would give it to a connection.
 *
 * Whatever cannot have a better number keeps its own.
 */
export class Descriptors {
  readonly libc: Libc | null
  /** Whether this is a node, some of whose addresses may be bound before it has them (IP_FREEBIND). */
  readonly onNode: boolean
  /** Those. All others a bind has to find, as it does in node-cache: who mistypes one is told. */
  readonly #coming: readonly string[]
  /** /dev/null, which holds every place that is not in use. */
  #nothing = -1
  /** Free places for sockets. */
  #places: number[] = []
  #tunPlace = -1
  /** Places in use. */
  readonly #used = new Set<number>()
  #inheritance: Inheritance | null = null

  constructor({ onNode = null, libc = loadedLibc().libc }: DescriptorsOptions = {}) {
    this.libc = libc
    this.onNode = onNode !== null && libc !== null
    this.#coming = onNode ?? []
    if (onNode !== null && libc !== null) this.#takePlaces(libc)
  }

  #takePlaces(libc: Libc): void {
    // Closes none. Where the kernel is older than 5.9, or forbids it, the end waits for all threads.
    if (!hasPool()) libc.syscall(SYS_CLOSE_RANGE, NONE, NONE, CLOSE_RANGE_UNSHARE)
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

  #comes(address: string): boolean {
    return this.#coming.includes(canonicalAddress(address))
  }

  /** What is opened from now on comes from there first. */
  inherit(from: Inheritance): void {
    this.#inheritance = from
  }

  /** Whether the next socket for this address is a predecessor's. */
  inherits(kind: SocketKind, host: string, port: number): boolean {
    return this.#inheritance?.has(kind, host, port) === true
  }

  /**
   * What `use` makes of a bound UDP socket, not blocking, with SO_REUSEPORT; −1 where Node is to open it.
   * Rejects with SyscallError or as `use` does, and the socket is closed then.
   *
   * @param at an IP address, IPv6 with its scope where it is link-local
   * @param receiveBuffer octets of datagrams the kernel may hold for us
   * @param use told whether a predecessor has the socket too, and reads it
   */
  async udp<T>(
    at: { readonly address: string; readonly port: number },
    receiveBuffer: number,
    use: (fd: number, isInherited: boolean) => T | Promise<T>,
  ): Promise<T> {
    const { libc } = this
    if (libc === null) return use(-1, false)
    const { address, port } = at
    const freeBind = this.#comes(address)
    const given = this.#inheritance?.take('udp', address, port) ?? null
    const bound = given ?? bindUdp(libc, { address, port, freeBind, receiveBuffer })
    const fd = this.#giveSocketPlace(libc, bound)
    try {
      return await use(fd, given !== null)
    } catch (cause) {
      this.close(fd)
      throw cause
    }
  }

  /**
   * Has a server of Node's listen, with SO_REUSEPORT. Rejects with the system's error.
   *
   * @param host an IP address, '' for every one, over HTTP a name
   * @param backlog connections the kernel may hold for us to accept; default: Node's
   */
  async listen(
    server: Server,
    kind: 'tcp' | 'http',
    host: string,
    port: number,
    backlog = 511,
  ): Promise<void> {
    const fd = this.#tcp(kind, host, port)
    const named = host === '' ? {} : { host }
    const reusePort = process.platform === 'linux'
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(fd < 0 ? { ...named, port, reusePort } : { fd }, backlog, () => {
        server.off('error', reject)
        resolve()
      })
    })
  }

  /** A bound TCP socket; −1 where Node is to bind it itself. Throws SyscallError. */
  #tcp(kind: 'tcp' | 'http', host: string, port: number): number {
    const { libc, onNode } = this
    if (libc === null) return -1
    const given = this.#inheritance?.take(kind, host, port) ?? null
    if (given === null && (!onNode || isIP(host) === 0)) return -1
    const freeBind = this.#comes(host)
    const fd = given ?? bindTcp(libc, { address: host, port, freeBind })
    const higher = onNode ? libc.fcntl(fd, F_DUPFD_CLOEXEC, LISTENERS) : -1
    // Beyond the limit of open files.
    if (higher < 0) return fd
    libc.close(fd)
    return higher
  }

  /**
   * The TUN of this name: a predecessor's, or as `openTun()` has it. Throws SyscallError; DnsletError,
   * E_INTERFACE, where the predecessor's has another name, and is closed.
   */
  tun(name: string): number {
    const libc = this.#library()
    const fd = this.#inheritance?.takeTun() ?? openTun(libc, name)
    try {
      const given = tunName(libc, fd)
      if (given !== name) throw otherTun(name, given)
    } catch (cause) {
      libc.close(fd)
      throw cause
    }
    return this.#used.has(this.#tunPlace) ? fd : this.#move(libc, fd, this.#tunPlace)
  }

  /** A netlink socket to the packet filter of this network namespace. Throws SyscallError. */
  packetFilter(): number {
    const libc = this.#library()
    const type = Sock.Raw | Sock.NonBlocking | Sock.CloseOnExec
    const fd = libc.socket(AF_NETLINK, type, NETLINK_NETFILTER)
    check(libc, 'open a netlink socket', fd)
    return this.#giveSocketPlace(libc, fd)
  }

  /** Closes a UDP socket, a TUN, or the socket to the packet filter, and keeps its place for the next. */
  close(fd: number): void {
    const { libc } = this
    if (libc === null || fd < 0) return
    if (!this.#used.delete(fd)) libc.close(fd)
    else if (libc.dup3(this.#nothing, fd, O_CLOEXEC) < 0) libc.close(fd)
    else if (fd !== this.#tunPlace) this.#places.push(fd)
  }

  /**
   * Lets other processes of this user bind the address of a socket as well, or keeps them out from now on;
   * who is in stays. Nothing happens without the C library, or where `fd` is −1: then they may, since all
   * our sockets are bound so.
   *
   * @param tcpPort port of a listening TCP socket that is bound to one address of this machine
   */
  share(fd: number, shared: boolean, tcpPort: number | null = null): void {
    const { libc } = this
    if (libc === null) return
    if (fd >= 0) shareAddress(libc, fd, shared)
    if (tcpPort !== null && !shared) forgetSharing(libc, tcpPort)
  }

  #library(): Libc {
    if (this.libc !== null) return this.libc
    throw new DnsletError('E_NO_LIBC', 'Cannot set up the node: the C library cannot be called')
  }

  /** Gives a socket a place after the TUN; returns its new number. */
  #giveSocketPlace(libc: Libc, fd: number): number {
    const place = this.#places.pop() ?? -1
    const moved = this.#move(libc, fd, place)
    if (moved !== place && place >= 0) this.#places.push(place)
    return moved
  }

  #move(libc: Libc, fd: number, place: number): number {
    if (place < 0 || libc.dup3(fd, place, O_CLOEXEC) < 0) return fd
    this.#used.add(place)
    libc.close(fd)
    return place
  }
}

function otherTun(name: string, given: string): DnsletError {
  const what = `Cannot set up interface "${name}": the predecessor's is named ${given}`
  return new DnsletError('E_INTERFACE', `${what}; stop the predecessor first`)
}

/** Whether libuv has threads that may have opened something already. */
function hasPool(): boolean {
  const tasks = '/proc/self/task'
  try {
    return readdirSync(tasks).some((task) =>
      readFileSync(`${tasks}/${task}/comm`, 'latin1').startsWith('libuv-worker'),
    )
  } catch {
    return true
  }
}
