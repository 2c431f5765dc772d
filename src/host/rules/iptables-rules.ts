import { oneAtATime } from '../../lib/one-at-a-time.ts'
import type { Iptables } from './iptables.ts'
import { fallbackRules, servingRules } from './iptables-plan.ts'
import { makePlan, type Rules, type RulesParts } from './rules.ts'

const tables = ['raw', 'filter', 'nat'] as const

/** Rules among those of others, where nft is not to be had. The address's lifetime is the lease. */
export class IptablesRules implements Rules {
  readonly kind = 'iptables'
  readonly lease = 'address'
  readonly #parts: RulesParts
  readonly #iptables: Iptables
  readonly #inTurn = oneAtATime()
  #state: 'idle' | 'serving' | 'withdrawn' | 'removed' = 'idle'
  #targets: readonly string[] = []

  constructor(parts: RulesParts, iptables: Iptables) {
    this.#parts = parts
    this.#iptables = iptables
  }

  install(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#iptables.sweepOthers()
      this.#state = 'serving'
      await this.#apply()
    })
  }

  check(): Promise<string[]> {
    return this.#inTurn(async () => (this.#state === 'idle' ? [] : this.#apply()))
  }

  renew(): Promise<boolean> {
    return Promise.resolve(this.#state === 'serving')
  }

  setFallback(targets: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#targets = targets
      if (this.#state !== 'idle') await this.#apply()
    })
  }

  withdraw(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state !== 'serving') return
      this.#state = 'withdrawn'
      await this.#apply()
    })
  }

  remove(): Promise<void> {
    return this.#inTurn(async () => {
      this.#state = 'removed'
      await this.#apply()
    })
  }

  async #apply(): Promise<string[]> {
    const plan = makePlan(this.#parts, await this.#parts.uplinks(), this.#targets)
    if (this.#state === 'removed') {
      const useful = this.#parts.orphans.length > 0 && this.#targets.length > 0
      return this.#iptables.apply(tables, useful ? fallbackRules(plan) : [])
    }
    return this.#iptables.apply(tables, servingRules(plan, this.#state === 'serving'))
  }
}
