import type { Answering } from '../daemon/status-probe.ts'
import { foreignSockets, type ForeignSocket, ownersOf } from '../host/port-owner.ts'
import { findNeighbours, type Announcement, announcePresence } from '../host/presence.ts'
import { joinHostPort, type Endpoint } from '../lib/address.ts'
import { beat, type Beat } from '../lib/beat.ts'
import type { Holds } from '../lib/holds.ts'
import type { MetricSpec } from '../lib/metrics.ts'
import { libc } from '../sys/libc.ts'
import { type Neighbour, type Prepared, prepareNode, type PrepareParts } from './prepare-node.ts'

/** Seconds between looks at who else listens. */
const LOOK = 5
/** Looks that are left out once one has found nobody: where others are kept out, the kernel lets none in. */
const REST = 5
/** Milliseconds in which another dnslet that asked who is here has opened its sockets. */
const ASKED_MS = 60_000
/** As long who was here may come back: more than the five minutes of kubelet's longest back-off. */
const BACK_MS = 600_000
/** Looks before the first that counts: the other one may still be starting. */
const PATIENCE = 12

/** Why nobody should be sent here: probes of the other one's pod may reach us, and it is not ready because we are. */
const OTHER_VERSION_STARTS = 'A dnslet of another version starts'
const SUCCESSOR_STARTS = 'A successor starts'

interface Other extends ForeignSocket {
  readonly port: number
  /** `1234 (node server.js)`, `dnslet`, or '' where its process is not to be seen. */
  process: string
}

/** The sockets of others that the last look found. */
let others: readonly Other[] = []

export const foreignSocketsMetric: MetricSpec = {
  name: 'dnslet_foreign_sockets',
  help: 'UDP sockets that other processes have where this one serves: each gets a part of the queries.',
  type: 'gauge',
  labels: ['address', 'user', 'process'],
  collect(emit) {
    const bySeries = Map.groupBy(others, ({ address, port, user, process }) =>
      [joinHostPort(address, port), user, process].join('\0'),
    )
    for (const [series, sockets] of bySeries) emit(series.split('\0'), sockets.length)
  },
}

/** A daemon, as far as others share its port. */
interface Sharing {
  /** See `Listeners.sharePort`. */
  sharePort(shared: boolean): void
  readonly addresses: readonly Endpoint[]
}

interface MeetParts extends PrepareParts {
  readonly readiness: Holds
  /** Default: the process's. */
  readonly beat?: Beat
}

/**
 * Who else serves the addresses of this process: a second DaemonSet that does so for good, a dnslet of
 * another version, a node-cache that is about to go, the predecessor.
 *
 *     predecessor ──lets go──▶ nobody ──found──▶ beside     a look each five seconds, or thirty while others
 *          │                      ▲──none found──┘▲         are kept out, and when somebody else has answered
 *          └──────────────────────────found───────┘         a question to ourselves
 *
 * The kernel gives each a part of the queries, so what those answer is no failure of ours; and rules and
 * interface are theirs too, until they are gone.
 *
 * Further ones are kept out of our port, unless they are to come: while one is there already, since of
 * sockets that do not share one alone would get all queries, and ten minutes longer; when a dnslet has
 * asked who is here; and when this one goes.
 */
export class Neighbours {
  /** What sets our rules and interface apart from those of others; see `Prepared`. */
  readonly scope: string
  readonly link: string
  readonly #parts: MeetParts
  #state: Neighbour
  /** What leads queries here. */
  #way: { readonly leadsAll: boolean }
  #daemon: Sharing = { addresses: [], sharePort() {} }
  #ended = (): void => {}
  #announcement: Announcement | null = null
  #openUntil = -Infinity
  #leaves = false
  #looking: Promise<boolean> | null = null
  /** Looks until one that finds nobody counts. */
  #patience = 0
  #keepsOut = false
  /** Looks to leave out. */
  #rest = 0
  /** What was served at the last look. */
  #served: readonly Endpoint[] = []

  /**
   * Looks who is here before anything is opened, and tells others that we are, where this process changes
   * the node's network. Rejects as `prepareNode()` does.
   */
  static async meet(parts: MeetParts): Promise<Neighbours> {
    const { intercepts, localIps: addresses, port, interfaceName } = parts.options
    if (!intercepts) {
      return new Neighbours(parts, { state: parts.found, scope: '', link: interfaceName })
    }
    const met = new Neighbours(parts, await prepareNode(parts))
    const presence = { addresses, port, interfaceName: met.link, scope: met.scope }
    met.#announcement = await announcePresence(presence, () => met.#asked())
    return met
  }

  private constructor(parts: MeetParts, { state, scope, link }: Prepared) {
    this.#parts = parts
    this.#state = state
    this.scope = scope
    this.link = link
    this.#way = { leadsAll: !parts.options.intercepts }
  }

  get state(): Neighbour {
    return this.#state
  }

  /** Who may rightly answer at our addresses: anybody, until every query for them is led here. */
  mayAnswer(): Answering {
    if (!this.#way.leadsAll) return 'anybody'
    return this.#state === 'nobody' ? 'us' : 'neighbour'
  }

  /** What leads queries for all our addresses here from now on, or will. */
  ledBy(way: { readonly leadsAll: boolean }): void {
    this.#way = way
  }

  /**
   * Looks for others from now on.
   *
   * @param ended called whenever the last of the others is gone
   */
  follow(daemon: Sharing, ended: () => void): void {
    this.#daemon = daemon
    this.#ended = ended
    ;(this.#parts.beat ?? beat).every(LOOK, () => this.#lookInTurn())
    void this.look()
  }

  #lookInTurn(): void {
    const { addresses } = this.#daemon
    const isServed = (one: Endpoint): boolean => this.#served.includes(one)
    if (this.#rest > 0 && addresses.every(isServed)) this.#rest--
    else void this.look()
  }

  /** The predecessor serves our addresses no more, or never did. */
  predecessorLeft(): void {
    if (this.#state !== 'predecessor') return
    this.#state = 'nobody'
    void this.look()
  }

  /** Whether a successor is about to take over. */
  setSuccessor(isThere: boolean): void {
    if (isThere) this.#parts.readiness.hold(SUCCESSOR_STARTS)
    else this.#parts.readiness.release(SUCCESSOR_STARTS)
  }

  /**
   * There is a dnslet of another version, which neither can hand over to us nor take over from us: for a
   * minute at least.
   *
   * @param isNewer whether it has started after us
   */
  otherVersion(isNewer: boolean): void {
    this.#patience = PATIENCE + 1
    this.#state = 'beside'
    if (isNewer) this.#parts.readiness.hold(OTHER_VERSION_STARTS)
    this.#keepOut()
  }

  /** This process goes: others may open the port. */
  leave(): void {
    this.#leaves = true
    this.#keepOut()
  }

  /** Nobody is told any more that this process is here. */
  conceal(): void {
    this.#announcement?.stop()
  }

  /** Another dnslet may be about to open its sockets. */
  #asked(): void {
    this.#openFor(ASKED_MS)
    this.#keepOut()
  }

  #openFor(ms: number): void {
    this.#openUntil = Math.max(this.#openUntil, performance.now() + ms)
  }

  #keepOut(): void {
    const { reusePort, skipTeardown } = this.#parts.options
    const isOpen = reusePort || skipTeardown || this.#leaves || this.#patience > 0
    const mayCome = this.#state !== 'nobody' || performance.now() < this.#openUntil
    const isShared = isOpen || mayCome
    this.#keepsOut = !isShared && libc().libc !== null
    if (!this.#keepsOut) this.#rest = 0
    this.#daemon.sharePort(isShared)
  }

  /** Looks at once; whether others beside us serve here as well. Never rejects. */
  look(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null))
    return this.#looking
  }

  async #look(): Promise<boolean> {
    const { log, readiness } = this.#parts
    if (this.#patience > 0) this.#patience--
    this.#served = this.#daemon.addresses
    // Who comes while the port is being closed is found by the next look.
    const wereKeptOut = this.#keepsOut
    const found = await this.#findOthers()
    if (found.length > 0) {
      this.#openFor(BACK_MS)
      this.#state = 'beside'
    } else if (this.#patience === 0 && this.#state === 'beside') {
      this.#state = 'nobody'
      readiness.release(OTHER_VERSION_STARTS)
      log.info('No other process serves these addresses any more')
      this.#ended()
    }
    this.#keepOut()
    if (wereKeptOut && this.#keepsOut) this.#rest = REST
    return found.length > 0
  }

  /** Finds the sockets of others, and tells of those that the last look did not find. */
  async #findOthers(): Promise<readonly Other[]> {
    const byPort = Map.groupBy(this.#daemon.addresses, ({ port }) => port)
    const looks = [...byPort].map(async ([port, at]) => {
      const hosts = at.map(({ host }) => host)
      return (await foreignSockets(hosts, port)).map((socket) => ({ ...socket, port }))
    })
    const sockets = (await Promise.all(looks)).flat()
    const known = new Map(others.map((one) => [one.inode, one]))
    const fresh = sockets.filter(({ inode }) => !known.has(inode))
    others = sockets.map((one) => known.get(one.inode) ?? { ...one, process: '' })
    if (fresh.length > 0) await this.#tell(others, new Set(fresh.map(({ inode }) => inode)))
    return others
  }

  /** Another dnslet is expected; anybody else is named, since nothing else shows that he is there. */
  async #tell(all: readonly Other[], fresh: ReadonlySet<string>): Promise<void> {
    const { alive } = await findNeighbours()
    for (const [at, sockets] of Map.groupBy(all, (one) => joinHostPort(one.address, one.port))) {
      const added = sockets.filter(({ inode }) => fresh.has(inode))
      if (added.length === 0) continue
      const [{ address, port }] = added as [Other]
      const dnslets = alive.filter((one) => one.port === port && one.addresses.includes(address))
      // One of them is this process.
      if (sockets.length < dnslets.length) {
        for (const one of added) one.process = 'dnslet'
        this.#parts.log.info(`Another dnslet serves ${at} as well: each gets a part of the queries`)
        continue
      }
      const owners = await ownersOf(added.map(({ inode }) => inode))
      for (const one of added) one.process = owners.get(one.inode) ?? ''
      const names = [...new Set(added.map(nameOf))].join(', ')
      this.#parts.log.warning(
        `Another process serves ${at} as well and gets a part of the queries: ${names}`,
      )
    }
  }
}

function nameOf({ process, user, inode }: Other): string {
  if (process !== '') return `process ${process} of user ${user}`
  return `one of user ${user} in another container, to be found on the node by "ss -lnpue" (ino:${inode})`
}
