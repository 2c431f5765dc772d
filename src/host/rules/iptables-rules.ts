import { oneAtATime } from '../../lib/one-at-a-time.ts'
import { fallbackRules, type IptablesRule, servingRules } from './iptables-plan.ts'
import { type Iptables, tables } from './iptables.ts'
import { tableName } from './nft-ruleset.ts'
import { FALLBACK_MS, makePlan, type Rules, type RulesParts } from './rules.ts'

/** The end of the fallback is put off in such steps: each is a change of rules. */
const STEP_MS = 600_000

/** Rules among those of others, where nft is missing. The address's lifetime is the lease. */
export class IptablesRules implements Rules {
  readonly kind = 'iptables'
  readonly lease = 'address'
  readonly leadsAll: boolean
  readonly #parts: RulesParts
  readonly #iptables: Iptables
  readonly #endsByItself: boolean
  readonly #inTurn = oneAtATime()
  #state: 'idle' | 'serving' | 'withdrawn' | 'removed' = 'idle'
  #targets: readonly string[] = []
  /** When the fallback of the rules in place ends. */
  #until: string | null = null

  /** @param endsByItself whether the kernel can end the fallback (`-m time`) */
  constructor(parts: RulesParts, iptables: Iptables, endsByItself: boolean) {
    this.#parts = parts
    this.#endsByItself = endsByItself
    this.leadsAll = parts.interception === 'local'
    this.#iptables = iptables
  }

  install(): Promise<void> {
    return this.#inTurn(async () => {
      this.#state = 'serving'
      this.#until = this.#end()
      const table = tableName(this.#parts.scope ?? '')
      // Of an earlier dnslet, if nft could load it then.
      await this.#parts.programs.run('nft', ['delete', 'table', 'inet', table]).catch(() => {})
      // Of the rules in place: where this process knows none, they are better than none.
      if (this.#targets.length === 0) this.#targets = await this.#iptables.targets()
      await this.#iptables.install(await this.#wanted())
    })
  }

  check(shared = false): Promise<string[]> {
    return this.#inTurn(async () => (this.#state === 'idle' ? [] : this.#apply(shared)))
  }

  /** The lease is in the addresses: rules say nothing about it. */
  isLeased(): Promise<boolean> {
    return Promise.resolve(true)
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

  renewFallback(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state !== 'serving' || this.#until === this.#end()) return
      this.#until = this.#end()
      await this.#apply()
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
      this.#until = this.#end()
      await this.#apply()
    })
  }

  async #apply(shared = false): Promise<string[]> {
    return this.#iptables.apply(await this.#wanted(), tables, shared)
  }

  /** UTC, in the form of `--datestop`. */
  #end(): string | null {
    if (!this.#endsByItself) return null
    const end = Math.ceil(Date.now() / STEP_MS) * STEP_MS + FALLBACK_MS
    return new Date(end).toISOString().slice(0, 19)
  }

  async #wanted(): Promise<IptablesRule[]> {
    const plan = {
      ...makePlan(this.#parts, await this.#parts.uplinks(), this.#targets),
      fallbackUntil: this.#until,
    }
    if (this.#state !== 'removed') return servingRules(plan, this.#state === 'serving')
    const useful = this.#parts.orphans.length > 0 && this.#targets.length > 0
    return useful ? fallbackRules(plan) : []
  }
}
