import { setTimeout as sleep } from 'node:timers/promises'
import { DnsletError, reasonOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { Rules } from './rules.ts'

/** Milliseconds that a start waits for the programs that load rules: a resolver asks again after five seconds. */
const PATIENCE_MS = 5_000

export interface LateRulesParts {
  /** Finds out what rules can be made with. Rejects where that cannot be told, or there is nothing. */
  readonly choose: () => Promise<Rules>
  /** Told of the kind of rules once they are in place. */
  readonly placed: (kind: Rules['kind']) => void
  readonly log: Log
  /** Resolves when the start is to wait no longer. */
  readonly late: Promise<unknown>
  /** The same for a later check; default: as long. */
  readonly patience?: () => Promise<unknown>
}

/** Resolves when who has begun now has waited long enough. */
export function patience(): Promise<unknown> {
  return sleep(PATIENCE_MS, undefined, { ref: false })
}

/**
 * Rules that keep nobody waiting: where a program that loads them hangs or fails they are not there, and are tried
 * again at each check. Without them kube-dns answers at the addresses of its Service, and dnslet at those that nobody
 * else has.
 */
export class LateRules implements Rules {
  readonly #parts: LateRulesParts
  /** What rules are made with, once that is known. */
  #chosen: Rules | null = null
  /** The same, once they are in place. */
  #rules: Rules | null = null
  #placing: Promise<void> | null = null
  #targets: readonly string[] = []
  #isLate = false
  #isOver = false

  constructor(parts: LateRulesParts) {
    this.#parts = parts
  }

  get kind(): Rules['kind'] {
    return this.#rules?.kind ?? 'late'
  }

  get lease(): Rules['lease'] {
    return this.#rules?.lease ?? 'address'
  }

  get leadsAll(): boolean {
    return this.#rules?.leadsAll ?? false
  }

  /** Never rejects. */
  async install(intercepting?: boolean): Promise<void> {
    await this.#inTime(this.#parts.late, intercepting).catch((cause: unknown) => {
      if (this.#isLate) return
      this.#isLate = true
      this.#parts.log.error(
        `Packet rules are not in place, and are tried again: ${reasonOf(cause)}`,
      )
    })
  }

  async check(shared?: boolean): Promise<string[]> {
    if (this.#rules !== null) return this.#rules.check(shared)
    await this.#inTime((this.#parts.patience ?? patience)())
    return []
  }

  isLeased(): Promise<boolean> {
    return this.#rules?.isLeased() ?? Promise.resolve(false)
  }

  /** Without rules there is nothing to renew. */
  renew(): Promise<boolean> {
    return this.#rules?.renew() ?? Promise.resolve(true)
  }

  async setFallback(targets: readonly string[]): Promise<void> {
    this.#targets = targets
    await this.#rules?.setFallback(targets)
  }

  async renewFallback(): Promise<void> {
    await this.#rules?.renewFallback()
  }

  async withdraw(drainMs?: number): Promise<void> {
    await this.#rules?.withdraw(drainMs)
  }

  async remove(): Promise<void> {
    this.#isOver = true
    await this.#rules?.remove()
  }

  async #inTime(late: Promise<unknown>, intercepting?: boolean): Promise<void> {
    this.#placing ??= this.#place(intercepting).finally(() => (this.#placing = null))
    await Promise.race([this.#placing, late])
    if (this.#rules === null && !this.#isOver) {
      throw new DnsletError('E_PROGRAM', 'Cannot load packet rules: a program for them hangs')
    }
  }

  /** @param intercepting see `install()`; queries that come before late rules do stay where they are */
  async #place(intercepting?: boolean): Promise<void> {
    const rules = (this.#chosen ??= await this.#parts.choose())
    if (this.#isOver) return
    await rules.setFallback(this.#targets)
    await rules.install(intercepting)
    this.#rules = rules
    this.#parts.placed(rules.kind)
    if (this.#isLate) this.#parts.log.info('Packet rules are in place')
    if (this.#isOver) await rules.remove()
  }
}
