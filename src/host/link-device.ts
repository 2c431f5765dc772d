import { DnsletError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { Libc } from '../sys/libc.ts'
import type { Link, Rtnetlink } from '../sys/rtnetlink.ts'
import { SyscallError } from '../sys/socket.ts'
import { closeOnExec, LINK_NAME_LENGTH, openTun, tunName } from '../sys/tun.ts'

/** The link that carries our addresses. */
export interface LinkDevice {
  readonly kind: 'tun' | 'dummy'
  /** The descriptor that keeps a TUN alive; null for a dummy, which stays until it is deleted. */
  readonly fd: number | null
  readonly index: number
}

interface Parts {
  readonly libc: Libc
  readonly rtnetlink: Rtnetlink
  readonly name: string
  readonly log: Log
}

/** What says that there are no TUN devices for us, rather than that this one is not to be had. */
const noTun: readonly string[] = ['ENOENT', 'ENODEV', 'ENXIO', 'EPERM', 'EACCES']

/**
 * A TUN of this name, and where there is none to be had a dummy, which outlives us. A dummy that is
 * there already is a leftover (node-cache makes one) and goes; a TUN that another process holds is
 * shared with it. Throws DnsletError, E_INTERFACE.
 */
export function openDevice(parts: Parts): LinkDevice {
  const { libc, rtnetlink, name, log } = parts
  checkName(name)
  try {
    removeLeftover(rtnetlink, name)
    return { kind: 'tun', fd: openTun(libc, name), index: indexOf(rtnetlink, name) }
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause
    if (!noTun.includes(cause.code)) throw failed(name, cause.message, HELD, cause)
    const device = openDummy(rtnetlink, name, cause)
    log.warning(
      `${cause.message}: ${name} is a dummy link, which stays when dnslet is killed: ` +
        'only the lease lets clients reach kube-dns then, after 3 s instead of at once; ' +
        "mount the host's /dev/net/tun",
    )
    return device
  }
}

/**
 * The TUN behind a descriptor that a predecessor handed over. The descriptor becomes ours, also
 * when this fails. Throws DnsletError, E_INTERFACE, where it is no TUN or has another name.
 */
export function adoptDevice({ libc, rtnetlink, name }: Parts, fd: number): LinkDevice {
  try {
    closeOnExec(libc, fd)
    const given = tunName(libc, fd)
    if (given !== name) {
      throw failed(name, `the predecessor's is named ${given}`, 'stop the predecessor first')
    }
    return { kind: 'tun', fd, index: indexOf(rtnetlink, name) }
  } catch (cause) {
    libc.close(fd)
    if (cause instanceof SyscallError) {
      throw failed(name, cause.message, 'stop the predecessor first', cause)
    }
    throw cause
  }
}

const HELD = 'end the program that holds it, or choose another -interfacename'

function openDummy(rtnetlink: Rtnetlink, name: string, why: SyscallError): LinkDevice {
  try {
    rtnetlink.createDummy(name)
    return { kind: 'dummy', fd: null, index: indexOf(rtnetlink, name) }
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause
    throw failed(
      name,
      `no TUN (${why.message}) and no dummy link (${cause.message})`,
      "mount the host's /dev/net/tun and give the capability NET_ADMIN, or use " +
        '-setupinterface=false and addresses that exist',
      cause,
    )
  }
}

function checkName(name: string): void {
  // What the kernel refuses, and %, which it takes for a place to put a number.
  if (/^[^\s/:%]+$/.test(name) && Buffer.byteLength(name) <= LINK_NAME_LENGTH) return
  throw failed(name, 'no name of an interface', `use 1 to ${LINK_NAME_LENGTH} letters and digits`)
}

function removeLeftover(rtnetlink: Rtnetlink, name: string): void {
  const link = rtnetlink.link(name)
  if (link === null || isOurs(link)) return
  if (link.kind === 'dummy') return rtnetlink.deleteLink(link.index)
  const kind = link.persistent ? 'persistent tun' : link.kind || 'hardware'
  throw failed(
    name,
    `there is a ${kind} link of this name, which is not ours`,
    `remove it (ip link delete ${name}) or choose another -interfacename`,
  )
}

/** We never make a persistent one: it would outlive us. */
function isOurs({ kind, persistent }: Link): boolean {
  return kind === 'tun' && !persistent
}

function indexOf(rtnetlink: Rtnetlink, name: string): number {
  const link = rtnetlink.link(name)
  if (link === null) throw failed(name, 'it vanished while it was set up', 'start again')
  return link.index
}

function failed(name: string, reason: string, remedy: string, cause?: unknown): DnsletError {
  const message = `Cannot set up interface "${name}": ${reason}; ${remedy}`
  return new DnsletError('E_INTERFACE', message, { cause })
}
