import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Daemon } from '../daemon/daemon.ts'
import { Offer, type RunningDaemon } from '../host/handover/offer.ts'
import {
  type AskOptions,
  askPredecessor,
  OTHER_VERSION,
  type Predecessor,
} from '../host/handover/predecessor.ts'
import { DnsletError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { libc } from '../sys/libc.ts'

/** `loop` may take half a minute to see that a listener is unreachable; the predecessor need not wait. */
const SETTLE_MS = 3_000
/** Questions before a successor gives up: a datagram may be lost. */
const ATTEMPTS = 2
/** Looks whether the upstream Service has an address by now, and milliseconds between them: 15 s. */
const LOOKS = 60
const LOOK_MS = 250

type Place = Omit<AskOptions, 'patience'>

/**
 * This process between its predecessor and its successor on the node. In this order: `ask()`, start
 * the daemon with what the predecessor gives, `takeOver()`, `offer()`, `stop()`.
 */
export class Handover {
  /** Who serves up to now and hands over to us; null where there is nobody. */
  readonly predecessor: Predecessor | null
  /** Whether a dnslet serves that cannot hand over to us, being of another version. */
  readonly runsBeside: boolean
  readonly #place: Place | null
  #offer: Promise<Offer | null> | null = null
  #isOver = false

  /**
   * Asks the running daemon, if there is one. Where there is no state directory, or the C library is out
   * of reach, nobody is asked and nothing is ever offered. Never rejects.
   */
  static async ask(directory: string | null, log: Log): Promise<Handover> {
    const uid = process.geteuid?.()
    const library = libc().libc
    if (directory === null || library === null || uid === undefined) return new Handover(null, null)
    const place = { libc: library, directory, uid, log }
    return new Handover(place, await askPredecessor(place))
  }

  private constructor(place: Place | null, found: Predecessor | typeof OTHER_VERSION | null) {
    this.#place = place
    this.runsBeside = found === OTHER_VERSION
    this.predecessor = found === OTHER_VERSION ? null : found
  }

  /**
   * `daemon` serves: the predecessor may go. Resolves to false where somebody stays whose offer has to stay
   * as well: who starts in his place is to find it there. Never rejects.
   */
  async takeOver(daemon: Daemon): Promise<boolean> {
    const { predecessor } = this
    if (predecessor === null) return !this.runsBeside
    if (predecessor.taken === 0) {
      predecessor.leave()
      const { directory, log } = this.#place!
      log.info(
        `The dnslet behind ${directory} serves other addresses: both go on, without hand-over`,
      )
      return false
    }
    daemon.begin()
    const late = sleep(SETTLE_MS, undefined, { ref: false })
    await Promise.race([daemon.runtime.settled(), late])
    await predecessor.takeOver()
    return true
  }

  /** A successor may come. Never rejects. */
  async offer(daemon: RunningDaemon): Promise<void> {
    const place = this.#place
    if (place === null || this.#isOver) return
    this.#offer ??= Offer.open({ ...place, daemon }).catch((cause: Error) => {
      this.#offer = null
      place.log.warning(`Cannot offer a hand-over in ${place.directory}: ${cause.message}`)
      return null
    })
    await this.#offer
  }

  /** Offers nothing any more. */
  async stop(): Promise<void> {
    this.#isOver = true
    await (await this.#offer)?.stop()
  }
}

export interface ProveParts {
  readonly daemon: Pick<Daemon, 'selfQuery'>
  /** Whether the upstream Service has an address; without its environment variable it is looked up. */
  readonly upstreamKnown: () => boolean
  /** The cluster's, absolute. */
  readonly zone: string
  /** Default: real time. */
  readonly wait?: (ms: number) => Promise<unknown>
}

/**
 * A successor has to be able to do what a first start must, before its predecessor goes: the daemon
 * gets an answer that only an upstream can give. Meanwhile it reads the shared sockets, so that where it
 * fails some misses have failed with it. Rejects with DnsletError, E_UPSTREAM.
 */
export async function proveUpstream(parts: ProveParts): Promise<void> {
  const { daemon, upstreamKnown, zone, wait = sleep } = parts
  for (let look = 0; !upstreamKnown(); look++) {
    if (look === LOOKS) throw cannot('the address of the upstream Service is not known')
    await wait(LOOK_MS)
  }
  let problem: string | null = null
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // A name that the predecessor's cache does not know.
    const name = `dnslet-${randomBytes(6).toString('hex')}.default.svc.${zone}`
    problem = await daemon.selfQuery(name)
    if (problem === null) return
  }
  throw cannot(problem)
}

function cannot(problem: string | null): DnsletError {
  return new DnsletError('E_UPSTREAM', `Cannot take over: ${problem}; the running dnslet serves on`)
}
