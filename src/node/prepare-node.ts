import { createHash } from 'node:crypto'
import { answersStatus } from '../daemon/status-probe.ts'
import { portOwners } from '../host/port-owner.ts'
import { findNeighbours, type Presence } from '../host/presence.ts'
import { DnsletError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { ServeOptions } from '../options/serve-options.ts'
import { type Libc, libc } from '../sys/libc.ts'
import { noCoreDumps } from '../sys/limits.ts'
import { LINK_NAME_LENGTH } from '../sys/tun.ts'

/** Who serves our addresses: a predecessor has our very sockets until it lets go, others have their own. */
export type Neighbour = 'nobody' | 'predecessor' | 'beside'

export interface PrepareParts {
  readonly options: ServeOptions
  readonly log: Log
  /** Who was found in the state directory. */
  readonly found: Neighbour
}

export interface Prepared {
  /** Who serves our addresses as well. */
  readonly state: Neighbour
  /** What sets our rules apart from those of a dnslet that serves other addresses; '' where there is none. */
  readonly scope: string
  /** Our interface: -interfacename, or a name of its own where such a one has that. */
  readonly link: string
}

/** Throws DnsletError, E_NO_LIBC. */
export function library(): Libc {
  const loaded = libc()
  if (loaded.libc !== null) return loaded.libc
  const reason = `Cannot set up the node: ${loaded.reason}`
  throw new DnsletError('E_NO_LIBC', `${reason}; use -setupinterface=false -setupiptables=false`)
}

/**
 * What has to be so before anything is opened: another that serves at our addresses answers there, and
 * lets us share its port. That is a dnslet of a second DaemonSet, or the node-cache that this one
 * replaces. One that is frozen would keep its part of the queries unanswered, where now kube-dns answers all;
 * and another program would lose to our rules what it serves. Rejects with DnsletError, E_NO_LIBC and E_PORT_OWNED.
 */
export async function prepareNode({
  options: { localIps, port, interfaceName },
  log,
  found,
}: PrepareParts): Promise<Prepared> {
  noCoreDumps(library())
  const { alive, silent } = await findNeighbours()
  const isOurs = (one: Presence): boolean =>
    one.port === port && one.addresses.some((address) => localIps.includes(address))
  const ownScope = scopeOf(localIps, port)
  const ownLink = scopedName(interfaceName, ownScope)
  // Who is here for our addresses shares what it has with us, though the other one may be gone by now.
  const isTaken = alive.some((one) =>
    isOurs(one) ? one.interfaceName === ownLink : one.interfaceName === interfaceName,
  )
  const isApart =
    isTaken || alive.some((one) => (isOurs(one) ? one.scope === ownScope : one.scope === ''))
  const scope = isApart ? ownScope : ''
  const link = isTaken ? ownLink : interfaceName
  if (isTaken) {
    log.info(
      `Interface ${interfaceName} is or was a dnslet's of other addresses: this one's is ${link}`,
    )
  }
  if (found !== 'nobody') return { state: found, scope, link }
  const owners = portOwners(localIps, port)
  const [owner] = owners
  if (owner === undefined) return { state: 'nobody', scope, link }
  const who = owner.pid === null ? 'another program' : `process ${owner.pid} (${owner.command})`
  const where = [...new Set(owners.map(({ address }) => address))].join(', ')
  if (alive.some(isOurs)) {
    log.info(`Another dnslet serves ${where} as well: both go on, each by itself`)
    return { state: 'beside', scope, link }
  }
  if (silent === 0 && (await answersStatus(owner.address, port))) {
    log.warning(
      `Serving ${where} together with ${who}: each gets a part of the queries. Where that is ` +
        'a node-cache, it goes when its pod is replaced',
    )
    return { state: 'beside', scope, link }
  }
  throw new DnsletError(
    'E_PORT_OWNED',
    `Cannot serve on port ${port}: ${who} listens on ${owner.address}; ` +
      'end it first (another node-local DNS cache: delete its DaemonSet)',
  )
}

/** The name of the interface of a scope: its own end, for the sake of the kernel's limit. */
export function scopedName(name: string, scope: string): string {
  return name.slice(0, LINK_NAME_LENGTH - scope.length) + scope
}

/** The same for the same addresses at every start. */
function scopeOf(localIps: readonly string[], port: number): string {
  const text = [...localIps.toSorted(), port].join()
  return `-${createHash('sha256').update(text).digest('hex').slice(0, 4)}`
}
