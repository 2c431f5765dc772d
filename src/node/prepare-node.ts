import { createHash } from 'node:crypto'
import { portOwners } from '../host/port-owner.ts'
import { findNeighbours, type Presence } from '../host/presence.ts'
import { DnsletError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { Libc } from '../sys/libc.ts'
import { noCoreDumps } from '../sys/limits.ts'
import { LINK_NAME_LENGTH } from '../sys/tun.ts'
import { answersStatus } from '../daemon/self-check.ts'
import type { ServeOptions } from '../options/serve-options.ts'

/** Who else is at work on this node. */
export interface Neighbourhood {
  /** Whether somebody serves our addresses as well, and goes on. */
  readonly isShared: boolean
  /**
   * What sets our interface and rules apart from those of a dnslet that serves other addresses; '' where
   * there is none, or one with an -interfacename of its own.
   */
  readonly scope: string
}

interface PrepareParts {
  readonly libc: Libc
  readonly log: Log
  /** A predecessor hands over: its sockets are no stranger's. */
  readonly inherits: boolean
  /** A dnslet of another version serves here and said so. */
  readonly runsBeside: boolean
}

/**
 * What has to be so before anything is opened: whoever serves at our addresses already answers there, and
 * lets us share its port. That is a dnslet of a second DaemonSet, or the node-cache that this one
 * replaces. One that is frozen would keep its part of the queries unanswered, where now kube-dns answers all;
 * and another program would lose to our rules what it serves. Rejects with DnsletError, E_PORT_OWNED.
 */
export async function prepareNode(
  { localIps, port, interfaceName }: ServeOptions,
  { libc, log, inherits, runsBeside }: PrepareParts,
): Promise<Neighbourhood> {
  noCoreDumps(libc)
  const { alive, silent } = await findNeighbours()
  const isOurs = (one: Presence): boolean =>
    one.port === port && one.addresses.some((address) => localIps.includes(address))
  const scope = alive.some(
    (one) => !isOurs(one) && one.interfaceName === interfaceName && one.scope === '',
  )
    ? scopeOf(localIps, port)
    : ''
  if (scope !== '') {
    const name = scopedName(interfaceName, scope)
    log.info(`A dnslet of other addresses has interface ${interfaceName}: this one's is ${name}`)
  }
  if (inherits || runsBeside) return { isShared: runsBeside, scope }
  const owners = portOwners(localIps, port)
  const [owner] = owners
  if (owner === undefined) return { isShared: false, scope }
  const who = owner.pid === null ? 'another program' : `process ${owner.pid} (${owner.command})`
  const where = [...new Set(owners.map(({ address }) => address))].join(', ')
  if (alive.some(isOurs)) {
    log.info(`Another dnslet serves ${where} as well: both go on, each by itself`)
    return { isShared: true, scope }
  }
  if (silent === 0 && (await answersStatus(owner.address, port))) {
    log.warning(
      `Serving ${where} together with ${who}: each gets a part of the queries. Where that is ` +
        'a node-cache, it goes when its pod is replaced',
    )
    return { isShared: true, scope }
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
