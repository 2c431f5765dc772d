import type { FallbackTargets } from './fallback-targets.ts'
import type { Rules } from './rules/rules.ts'

/** Turns, which are seconds, between two look-ups of the pods, and while none are known. */
const LOOK_UP = 5
const LOOK_UP_UNKNOWN = 2
/** Turns between two renewals of the fall-back, which lasts an hour. */
const RENEW = 60

export interface FallbackKeeperParts {
  readonly targets: FallbackTargets
  /**
   * A number that is another one once a connection to an upstream was opened or broke, or an attempt failed:
   * the pods may be others then. Looked at each turn.
   */
  readonly unrest: () => number
  /** Told of rules that could not be changed. */
  readonly failed: (cause: unknown) => void
}

/**
 * Has the rules lead to the pods of kube-dns as they are now: looked up every five seconds, every two while
 * none are known, and within a second once an upstream is in trouble. kube-dns is asked for one small
 * answer each time. What is not renewed ends by itself.
 */
export class FallbackKeeper {
  readonly #parts: FallbackKeeperParts
  #turns = 0
  #unrest = 0
  /** Whether the rules do not have the pods that are known. */
  #isBehind = false
  #refreshing: Promise<void> | null = null

  constructor(parts: FallbackKeeperParts) {
    this.#parts = parts
  }

  /** To be called each second, whatever the state of interception is. */
  turn(rules: Rules): void {
    const { targets, unrest } = this.#parts
    this.#turns++
    if (this.#turns % RENEW === 0) {
      void rules.renewFallback().catch((cause: unknown) => this.#parts.failed(cause))
    }
    const pause = targets.known.length === 0 ? LOOK_UP_UNKNOWN : LOOK_UP
    const before = this.#unrest
    this.#unrest = unrest()
    if (this.#turns % pause === 0 || before !== this.#unrest) void this.refresh(rules)
  }

  /** Looks the pods up, and passes on what has changed. Never rejects. */
  refresh(rules: Rules): Promise<void> {
    this.#refreshing ??= this.#refresh(rules).finally(() => (this.#refreshing = null))
    return this.#refreshing
  }

  async #refresh(rules: Rules): Promise<void> {
    const { targets, failed } = this.#parts
    try {
      if (await targets.refresh()) this.#isBehind = true
      if (!this.#isBehind) return
      await rules.setFallback(targets.known)
      this.#isBehind = false
    } catch (cause) {
      failed(cause)
    }
  }
}
