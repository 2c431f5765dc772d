import { oneAtATime } from '../../lib/one-at-a-time.ts'
import type { Iptables } from './iptables.ts'
import { fallbackRules, type IptablesRule, servingRules } from './iptables-plan.ts'
import { TABLE } from './nft-ruleset.ts'
import { makePlan, type Rules, type RulesParts } from './rules.ts'

/** Rules among those of others, where nft is not to be had. The address's lifetime is the lease. */
export class IptablesRules implements Rules {
  readonly kind = 'iptables'
  readonly lease = 'address'
  readonly leadsAll: boolean
  readonly #parts: RulesParts
  readonly #iptables: Iptables
  readonly #inTurn = oneAtATime()
  #state: 'idle' | 'serving' | 'withdrawn' | 'removed' = 'idle'
  #targets: readonly string[] = []

  constructor(parts: RulesParts, iptables: Iptables) {
    this.#parts = parts
    this.leadsAll = parts.interception === 'local'
    this.#iptables = iptables
  }

  install(): Promise<void> {
    return this.#inTurn(async () => {
      this.#state = 'serving'
      // Of an earlier dnslet, if nft could load it then.
      await this.#parts.programs.run('nft', ['delete', 'table', 'inet', TABLE]).catch(() => {})
      await this.#iptables.install(await this.#wanted())
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
    return this.#iptables.apply(await this.#wanted())
  }

  async #wanted(): Promise<IptablesRule[]> {
    const plan = makePlan(this.#parts, await this.#parts.uplinks(), this.#targets)
    if (this.#state !== 'removed') return servingRules(plan, this.#state === 'serving')
    const useful = this.#parts.orphans.length > 0 && this.#targets.length > 0
    return useful ? fallbackRules(plan) : []
  }
}
