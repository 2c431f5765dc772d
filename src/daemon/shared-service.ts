import { sharedAddresses } from '../host/port-owner.ts'
import type { Holds } from '../lib/holds.ts'
import type { Log } from '../lib/log.ts'

/** Milliseconds between looks at who else listens. */
const LOOK_MS = 5_000
/** Looks before the first that counts: the other one may still be starting. */
const PATIENCE = 12

const OTHER_VERSION = 'A dnslet of another version starts'

interface Sharing {
  sharesSockets: boolean
  readonly readiness: Holds
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
}

/**
 * Sees to it that a daemon knows when others serve its addresses as well, with sockets of their own: a
 * second DaemonSet that does so for good, a dnslet of another version, a node-cache that is about to go.
 * The kernel gives each a part of the queries, so what those answer is no failure of ours; and rules and
 * interface are theirs too, until they are gone.
 */
export class SharedService {
  readonly #daemon: Sharing
  readonly #log: Log
  readonly #ended: () => void
  #follows = false
  #looking: Promise<boolean> | null = null
  /** Looks until one that finds nobody counts. */
  #patience = 0

  /** @param ended called whenever the last of the others is gone */
  constructor(daemon: Sharing, log: Log, ended: () => void) {
    this.#daemon = daemon
    this.#log = log
    this.#ended = ended
  }

  /** Looks for others from now on. */
  follow(): void {
    if (this.#follows) return
    this.#follows = true
    setInterval(() => void this.look(), LOOK_MS).unref()
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
    this.follow()
  }

  /** Looks at once; whether others serve here as well. Never rejects. */
  look(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null))
    return this.#looking
  }

  async #look(): Promise<boolean> {
    const { addresses, readiness } = this.#daemon
    if (this.#patience > 0) this.#patience--
    const byPort = Map.groupBy(addresses, ({ port }) => port)
    const looks = [...byPort].map(([port, at]) => {
      return sharedAddresses(
        at.map(({ host }) => host),
        port,
      )
    })
    const shared = new Set((await Promise.all(looks)).flat())
    if (shared.size > 0) {
      if (!this.#daemon.sharesSockets) {
        const hosts = [...shared].join(', ')
        this.#log.info(`Another process serves ${hosts} as well: each gets a part of the queries`)
      }
      this.#daemon.sharesSockets = true
    } else if (this.#patience === 0 && this.#daemon.sharesSockets) {
      this.#daemon.sharesSockets = false
      readiness.release(OTHER_VERSION)
      this.#log.info('No other process serves these addresses any more')
      this.#ended()
    }
    return shared.size > 0
  }

  /** Whether others are there that go on when this process ends. */
  lasts(): Promise<boolean> {
    return this.look()
  }
}
