import { foreignSockets, type ForeignSocket, ownersOf } from '../host/port-owner.ts'
import { findNeighbours } from '../host/presence.ts'
import type { Holds } from '../lib/holds.ts'
import type { Log } from '../lib/log.ts'
import { joinHostPort, type Endpoint } from '../lib/address.ts'
import type { MetricSpec } from '../lib/metrics.ts'

/** Milliseconds between looks at who else listens. */
const LOOK_MS = 5_000
/** Milliseconds in which another dnslet that asked who is here has opened its sockets. */
const ASKED_MS = 60_000
/** As long who was here may come back: more than the five minutes of kubelet's longest back-off. */
const BACK_MS = 600_000
/** Looks before the first that counts: the other one may still be starting. */
const PATIENCE = 12

const OTHER_VERSION = 'A dnslet of another version starts'

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

interface Sharing {
  sharesSockets: boolean
  /** See `Listeners.sharePort`. */
  sharePort(shared: boolean): void
  readonly readiness: Holds
  readonly addresses: readonly Endpoint[]
}

/**
 * Sees to it that a daemon knows when others serve its addresses as well, with sockets of their own: a
 * second DaemonSet that does so for good, a dnslet of another version, a node-cache that is about to go.
 * The kernel gives each a part of the queries, so what those answer is no failure of ours; and rules and
 * interface are theirs too, until they are gone.
 *
 * It keeps further ones out of our port, unless they are to come: while one is there already, since of
 * sockets that do not share one alone would get all queries, and ten minutes longer; when a dnslet has
 * asked who is here; and when this one goes.
 */
export class SharedService {
  readonly #daemon: Sharing
  readonly #log: Log
  readonly #ended: () => void
  readonly #isOpen: boolean
  #openUntil = -Infinity
  #leaves = false
  #follows = false
  #looking: Promise<boolean> | null = null
  /** Looks until one that finds nobody counts. */
  #patience = 0

  /**
   * @param ended called whenever the last of the others is gone
   * @param isOpen whether whoever wants may share our port at any time
   */
  constructor(daemon: Sharing, log: Log, ended: () => void, isOpen: boolean) {
    this.#isOpen = isOpen
    this.#daemon = daemon
    this.#log = log
    this.#ended = ended
  }

  /** Looks for others from now on. */
  follow(): void {
    if (this.#follows) return
    this.#follows = true
    setInterval(() => void this.look(), LOOK_MS).unref()
    void this.look()
  }

  /** Another dnslet may be about to open its sockets. */
  readonly asked = (): void => {
    this.#openFor(ASKED_MS)
    this.#keepOut()
  }

  /** This process goes: whoever comes is welcome. */
  leave(): void {
    this.#leaves = true
    this.#keepOut()
  }

  #openFor(ms: number): void {
    this.#openUntil = Math.max(this.#openUntil, performance.now() + ms)
  }

  #keepOut(): void {
    const { sharesSockets } = this.#daemon
    const mayCome = this.#leaves || performance.now() < this.#openUntil
    this.#daemon.sharePort(this.#isOpen || sharesSockets || this.#patience > 0 || mayCome)
  }

  /**
   * There is a dnslet of another version, which neither can hand over to us nor take over from us: for a
   * minute at least.
   *
   * @param isOld whether the other one is the newer: probes of its pod may reach us, and it is not
   * ready because we are
   */
  begin(isOld: boolean): void {
    this.#patience = PATIENCE + 1
    this.#daemon.sharesSockets = true
    if (isOld) this.#daemon.readiness.hold(OTHER_VERSION)
    this.#keepOut()
    this.follow()
  }

  /** Looks at once; whether others serve here as well. Never rejects. */
  look(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null))
    return this.#looking
  }

  async #look(): Promise<boolean> {
    const { readiness } = this.#daemon
    if (this.#patience > 0) this.#patience--
    const found = await this.#findOthers()
    if (found.length > 0) {
      this.#openFor(BACK_MS)
      this.#daemon.sharesSockets = true
    } else if (this.#patience === 0 && this.#daemon.sharesSockets) {
      this.#daemon.sharesSockets = false
      readiness.release(OTHER_VERSION)
      this.#log.info('No other process serves these addresses any more')
      this.#ended()
    }
    this.#keepOut()
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
        this.#log.info(`Another dnslet serves ${at} as well: each gets a part of the queries`)
        continue
      }
      const owners = await ownersOf(added.map(({ inode }) => inode))
      for (const one of added) one.process = owners.get(one.inode) ?? ''
      const names = [...new Set(added.map(nameOf))].join(', ')
      this.#log.warning(
        `Another process serves ${at} as well and gets a part of the queries: ${names}`,
      )
    }
  }

  /** Whether others are there that go on when this process ends. */
  lasts(): Promise<boolean> {
    return this.look()
  }
}

function nameOf({ process, user, inode }: Other): string {
  if (process !== '') return `process ${process} of user ${user}`
  return `one of user ${user} in another container, to be found on the node by "ss -lnpue" (ino:${inode})`
}
