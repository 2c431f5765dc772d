import { othersListen } from '../host/port-owner.ts'
import type { Holds } from '../lib/holds.ts'

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
 * Lets a daemon share its addresses with a dnslet of another version, which neither can hand over to us
 * nor take over from us: what that one answers is no failure of ours, until it is gone.
 */
export class SharedService {
  readonly #daemon: Sharing
  readonly #ended: () => void
  #timer: NodeJS.Timeout | null = null
  #looks = 0

  /** @param ended called when the other one is gone */
  constructor(daemon: Sharing, ended: () => void) {
    this.#daemon = daemon
    this.#ended = ended
  }

  /**
   * From now on, for a minute at least.
   *
   * @param isOld whether the other one is the newer: probes of its pod may reach us, and it is not
   * ready because we are
   */
  begin(isOld: boolean): void {
    this.#looks = 0
    this.#daemon.sharesSockets = true
    if (isOld) this.#daemon.readiness.hold(OTHER_VERSION)
    this.#timer ??= setInterval(this.#look, LOOK_MS).unref()
  }

  /** Whether it lasts: the other one is there and goes on when this process ends. */
  lasts(): boolean {
    return this.#timer !== null && this.#othersListen()
  }

  readonly #look = (): void => {
    if (++this.#looks <= PATIENCE || this.#othersListen()) return
    this.#daemon.sharesSockets = false
    this.#daemon.readiness.release(OTHER_VERSION)
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#ended()
  }

  #othersListen(): boolean {
    return this.#daemon.addresses.some(({ host, port }) => othersListen([host], port))
  }
}
