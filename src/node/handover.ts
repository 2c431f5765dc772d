import { askPredecessor, type Inherited, OTHER_VERSION } from '../host/handover/predecessor.ts'
import { type Offer, offerHandover } from '../host/handover/offer.ts'
import type { Log } from '../lib/log.ts'
import { type Libc, libc } from '../sys/libc.ts'
import type { Daemon } from '../daemon/daemon.ts'

/** `loop` may take half a minute to see that a listener is unreachable; the predecessor need not wait. */
const SETTLE_MS = 3_000

/** Probes of the successor may still reach us: its pod is not ready because we are. */
const SUCCESSOR = 'A successor starts'

interface Place {
  readonly libc: Libc
  readonly directory: string
  readonly uid: number
  readonly log: Log
}

export interface HandoverParts {
  /** The descriptor of the TUN that a successor is to have; null while there is none. */
  readonly tun: () => number | null
  /** A successor serves in our place, from now on. */
  readonly onLettingGo: () => void
  /** A successor serves in our place and nothing is left to do. */
  readonly onHandedOver: () => void
  /** A dnslet of another version starts beside us. */
  readonly onOtherVersion: () => void
}

/**
 * This process between its predecessor and its successor on the node. In this order: `ask()`, start
 * the daemon with `inherited`, `takeOver()` once it serves, or `abandon()` where it cannot; `stop()`.
 */
export class Handover {
  /** What the predecessor gives; null where there is none. */
  inherited: Inherited | null = null
  /** Whether a dnslet serves that cannot hand over to us, being of another version. */
  runsBeside = false
  readonly #place: Place
  #offer: Offer | null = null
  #isOver = false

  private constructor(place: Place) {
    this.#place = place
  }

  /** Hand-over through the state directory; null without one, or where the C library is out of reach. */
  static open(directory: string | null, log: Log): Handover | null {
    const uid = process.geteuid?.()
    const library = libc().libc
    if (directory === null || library === null || uid === undefined) return null
    return new Handover({ libc: library, directory, uid, log })
  }

  /** Asks the running daemon, if there is one. Never rejects. */
  async ask(): Promise<void> {
    const found = await askPredecessor(this.#place)
    this.runsBeside = found === OTHER_VERSION
    this.inherited = found === OTHER_VERSION ? null : found
  }

  /** The daemon cannot start: the predecessor serves on. */
  abandon(): void {
    this.inherited?.abandon()
  }

  /** `daemon` serves: the predecessor may go, then a successor may come. Never rejects. */
  async takeOver(daemon: Daemon, parts: HandoverParts): Promise<void> {
    const { inherited } = this
    const { log, directory } = this.#place
    if (inherited !== null && inherited.taken === 0) {
      // Its socket stays in place: it is not our predecessor, but somebody's it may be.
      inherited.abandon()
      daemon.sharesSockets = false
      log.info(
        `The dnslet behind ${directory} serves other addresses: both go on, without hand-over`,
      )
      return
    }
    if (inherited !== null) {
      daemon.begin()
      await Promise.race([daemon.runtime.settled(), settleTime()])
      await inherited.takeOver()
      daemon.sharesSockets = false
    }
    // The other one's offer stays: who starts in our place is to find it there.
    if (!this.runsBeside) await this.offer(daemon, parts)
  }

  /** A successor may come. Never rejects. */
  async offer(daemon: Daemon, parts: HandoverParts): Promise<void> {
    const { log, directory } = this.#place
    if (this.#offer !== null || this.#isOver) return
    try {
      const holdings = {
        held: () => daemon.held(),
        exportCache: () => daemon.exportCache(),
        letGo() {
          parts.onLettingGo()
          return daemon.letGo()
        },
        retire: () => daemon.retire(),
        setSuccessor(isThere: boolean) {
          if (isThere) daemon.readiness.hold(SUCCESSOR)
          else daemon.readiness.release(SUCCESSOR)
        },
      }
      this.#offer = await offerHandover({ ...this.#place, ...parts, holdings })
    } catch (cause) {
      log.warning(`Cannot offer a hand-over in ${directory}: ${(cause as Error).message}`)
    }
  }

  /** Offers nothing any more. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#offer?.stop()
  }
}

function settleTime(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, SETTLE_MS).unref())
}
