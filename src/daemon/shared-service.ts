import { portOwners } from '../host/port-owner.ts'

/** Milliseconds between looks at who else listens. */
const LOOK_MS = 5_000
/** Looks before the first that counts: the other one may still be starting. */
const PATIENCE = 12

interface Sharing {
  sharesSockets: boolean
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
}

/**
 * Lets a daemon share its addresses with a dnslet of another version, which neither can hand over to us
 * nor take over from us: what that one answers is no failure of ours, until it is gone.
 */
export class SharedService {
  readonly #daemon: Sharing
  #timer: NodeJS.Timeout | null = null
  #looks = 0

  constructor(daemon: Sharing) {
    this.#daemon = daemon
  }

  /** From now on, for a minute at least. */
  begin(): void {
    this.#looks = 0
    this.#daemon.sharesSockets = true
    this.#timer ??= setInterval(this.#look, LOOK_MS).unref()
  }

  /** Whether it lasts: the other one is there and goes on when this process ends. */
  lasts(): boolean {
    return this.#timer !== null && this.#othersListen()
  }

  readonly #look = (): void => {
    if (++this.#looks <= PATIENCE || this.#othersListen()) return
    this.#daemon.sharesSockets = false
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #othersListen(): boolean {
    return this.#daemon.addresses.some(({ host, port }) => portOwners([host], port).length > 0)
  }
}
