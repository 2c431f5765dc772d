import { DnsletError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { Descriptors } from '../sys/descriptors.ts'
import type { Link } from '../sys/rtnetlink-message.ts'
import type { Rtnetlink } from '../sys/rtnetlink.ts'
import { SyscallError } from '../sys/socket.ts'
import { LINK_NAME_LENGTH } from '../sys/tun.ts'

/** The link that carries our addresses. */
export interface LinkDevice {
  readonly kind: 'tun' | 'dummy' | 'lo'
  /** The descriptor that keeps a TUN alive; null for the others, which stay. */
  readonly fd: number | null
  readonly index: number
}

interface Parts {
  readonly rtnetlink: Rtnetlink
  readonly name: string
  readonly descriptors: Descriptors
  readonly log: Log
}

/** What says that there are no TUN devices for us, rather than that this one is taken. */
const noTun: readonly string[] = ['ENOENT', 'ENODEV', 'ENXIO', 'EPERM', 'EACCES']

/**
 * A TUN of this name, and where none can be made a dummy, or else `lo`, which outlive us. A dummy that is
 * there already is a leftover (node-cache makes one) and goes, or serves again; a TUN that another
 * process holds is shared with it. Throws DnsletError, E_INTERFACE.
 */
export function openDevice(parts: Parts): LinkDevice {
  const { descriptors, rtnetlink, name } = parts
  checkName(name)
  const found = rtnetlink.link(name)
  if (found !== null) refuseForeign(name, found)
  try {
    const fd = openTunInstead(parts, found)
    const link = rtnetlink.link(name)
    if (link !== null) return { kind: 'tun', fd, index: link.index }
    descriptors.close(fd)
    throw failed(name, 'somebody deleted it at once', 'see that nothing else manages it')
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause
    if (!noTun.includes(cause.code)) throw failed(name, cause.message, HELD, cause)
    return openDummy(parts, found, cause)
  }
}

const RIGHTS =
  "mount the host's /dev/net/tun and give the capability NET_ADMIN, or use " +
  '-setupinterface=false and addresses that exist'
const HELD = 'end the program that holds it, or choose another -interfacename'

/** Removes a leftover dummy only once the kernel has said that it is in a TUN's way. */
function openTunInstead({ descriptors, rtnetlink, name }: Parts, found: Link | null): number {
  try {
    return descriptors.tun(name)
  } catch (cause) {
    const isInTheWay = cause instanceof SyscallError && cause.code === 'EINVAL'
    if (!isInTheWay || found?.kind !== 'dummy') throw cause
    rtnetlink.deleteLink(found.index)
    return descriptors.tun(name)
  }
}

/** Where the kernel has no dummies either, `lo` carries the addresses. */
function openDummy(
  { rtnetlink, name, log }: Parts,
  found: Link | null,
  why: SyscallError,
): LinkDevice {
  try {
    const index = found?.index ?? rtnetlink.createDummy(name)
    log.warning(
      `${why.message}: ${name} is a dummy link, which stays when dnslet is killed: ` +
        'only the lease lets clients reach kube-dns then, after 3 s instead of at once; ' +
        "mount the host's /dev/net/tun",
    )
    return { kind: 'dummy', fd: null, index }
  } catch (cause) {
    const reason = `no TUN (${why.message}) and no dummy link (${(cause as Error).message})`
    const loopback = rtnetlink.link('lo')
    if (!(cause instanceof SyscallError)) throw cause
    if (cause.code === 'EPERM' || loopback === null) throw failed(name, reason, RIGHTS, cause)
    log.warning(
      `${reason}: the addresses are on lo, where they stay when dnslet is killed. Pods reach kube-dns ` +
        "then, but the node's own clients always do, past the cache; mount the host's /dev/net/tun",
    )
    return { kind: 'lo', fd: null, index: loopback.index }
  }
}

function checkName(name: string): void {
  // What the kernel refuses, and %, which it takes for a place to put a number.
  if (/^[^\s/:%]+$/.test(name) && Buffer.byteLength(name) <= LINK_NAME_LENGTH) return
  throw failed(name, 'no name of an interface', `use 1 to ${LINK_NAME_LENGTH} letters and digits`)
}

function refuseForeign(name: string, { kind, persistent }: Link): void {
  // We never make a persistent one: it would outlive us.
  if (kind === 'dummy' || (kind === 'tun' && !persistent)) return
  const what = persistent ? 'persistent tun' : kind || 'hardware'
  throw failed(
    name,
    `there is a ${what} link of this name, which is not ours`,
    `remove it (ip link delete ${name}) or choose another -interfacename`,
  )
}

function failed(name: string, reason: string, remedy: string, cause?: unknown): DnsletError {
  const message = `Cannot set up interface "${name}": ${reason}; ${remedy}`
  return new DnsletError('E_INTERFACE', message, { cause })
}
