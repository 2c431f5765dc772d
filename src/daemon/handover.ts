import { askPredecessor, type Inherited } from '../host/handover/predecessor.ts'
import { type Offer, offerHandover } from '../host/handover/offer.ts'
import { ABSENT, checkStateDirectory } from '../host/handover/state-directory.ts'
import type { Log } from '../lib/log.ts'
import { type Libc, libc } from '../sys/libc.ts'
import type { Daemon } from './daemon.ts'

const STATE_DIRECTORY = '/run/dnslet'
/** `loop` may take half a minute to see that a listener is unreachable; the predecessor need not wait. */
const SETTLE_MS = 3_000

interface Place {
  readonly libc: Libc
  readonly directory: string
  readonly uid: number
  readonly log: Log
}

export interface HandoverParts {
  /** The descriptor of the TUN that a successor is to have; null while there is none. */
  readonly tun: () => number | null
  /** A successor serves in our place and nothing is left to do. */
  readonly onHandedOver: () => void
}

/**
 * This process between its predecessor and its successor on the node. In this order: `ask()`, start
 * the daemon with `inherited`, `takeOver()` once it serves, or `abandon()` where it cannot; `stop()`.
 */
export class Handover {
  /** What the predecessor gives; null where there is none. */
  inherited: Inherited | null = null
  readonly #place: Place
  #offer: Offer | null = null

  private constructor(place: Place) {
    this.#place = place
  }

  /**
   * Hand-over through DNSLET_STATE_DIR, by default /run/dnslet; null where there is no such directory
   * and this user cannot make one, where it is not safe (which is logged), or where the variable is
   * set to nothing.
   */
  static open(env: NodeJS.ProcessEnv, log: Log): Handover | null {
    const directory = env['DNSLET_STATE_DIR'] ?? STATE_DIRECTORY
    const uid = process.geteuid?.()
    const library = directory === '' || uid === undefined ? null : libc().libc
    if (library === null || uid === undefined) return null
    const problem = checkStateDirectory(directory, uid)
    if (problem === null) return new Handover({ libc: library, directory, uid, log })
    if (problem !== ABSENT) log.warning(problem)
    else if (env['DNSLET_STATE_DIR'] !== undefined) {
      log.warning(`Cannot hand over through ${directory}: it does not exist and cannot be made`)
    }
    return null
  }

  /** Asks the running daemon, if there is one. Never rejects. */
  async ask(): Promise<void> {
    this.inherited = await askPredecessor(this.#place)
  }

  /** The daemon cannot start: the predecessor serves on. */
  abandon(): void {
    this.inherited?.abandon()
  }

  /** `daemon` serves: the predecessor may go, and a successor may come. Never rejects. */
  async takeOver(daemon: Daemon, parts: HandoverParts): Promise<void> {
    const { inherited } = this
    const { log, directory } = this.#place
    if (inherited !== null && inherited.taken === 0) {
      // Its socket stays in place: it is not our predecessor, but somebody's it may be.
      inherited.abandon()
      log.info(
        `The dnslet behind ${directory} serves other addresses: both go on, without hand-over`,
      )
      return
    }
    if (inherited !== null) {
      await Promise.race([daemon.runtime.settled(), settleTime()])
      await inherited.takeOver()
    }
    try {
      this.#offer = await offerHandover({ ...this.#place, ...parts, holdings: daemon })
    } catch (cause) {
      log.warning(`Cannot offer a hand-over in ${directory}: ${(cause as Error).message}`)
    }
  }

  /** Offers nothing any more. */
  async stop(): Promise<void> {
    await this.#offer?.stop()
  }
}

function settleTime(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, SETTLE_MS).unref())
}
