import type { Clock } from '../lib/clock.ts'
import type { OpenListeners } from './open-listeners.ts'
import type { OtherServers } from './status-probe.ts'

/** A check that began so long ago at most is everybody's, and so is one that goes on. */
const SHARED_MS = 500

export interface SelfChecksParts {
  readonly open: Pick<OpenListeners, 'check'>
  readonly clock: Clock
  readonly freeBind?: boolean
  readonly neighbours?: OtherServers
  readonly vitals?: () => string | null
}

/** What a daemon finds wrong with itself; parts as in `DaemonParts`. */
export class SelfChecks {
  readonly #parts: SelfChecksParts
  #began = -Infinity
  #underWay = false
  #last: Promise<string | null> = Promise.resolve(null)

  constructor(parts: SelfChecksParts) {
    this.#parts = parts
  }

  /** As `Daemon.selfCheck()`. */
  check(): Promise<string | null> {
    const now = this.#parts.clock.refresh()
    if (this.#underWay || now - this.#began <= SHARED_MS) return this.#last
    this.#began = now
    this.#underWay = true
    this.#last = this.#check(now).finally(() => (this.#underWay = false))
    return this.#last
  }

  async #check(now: number): Promise<string | null> {
    const { open, freeBind = false, neighbours, vitals = () => null } = this.#parts
    const from = neighbours?.mayAnswer() ?? 'us'
    const problem = vitals() ?? (await open.check(now, freeBind, from))
    if (problem === null || from !== 'us' || (await neighbours?.look()) !== true) return problem
    return open.check(now, freeBind, 'neighbour')
  }
}
