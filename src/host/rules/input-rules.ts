import type { Iptables } from './iptables.ts'
import { acceptRules } from './iptables-plan.ts'
import { makePlan, type RulesParts } from './rules.ts'

/**
 * The part of the rules that nft cannot do: a firewall made with iptables drops what an nft table
 * has accepted, so the accept must be in iptables too. Also rids both backends of what node-cache or
 * a dnslet without nft left there.
 */
export class InputRules {
  readonly #parts: RulesParts
  readonly #iptables: Iptables

  constructor(parts: RulesParts, iptables: Iptables) {
    this.#parts = parts
    this.#iptables = iptables
  }

  async install(): Promise<void> {
    await this.#iptables.install(this.#wanted())
  }

  check(shared: boolean): Promise<string[]> {
    // Not nat, which is long in a large cluster: nobody but an older dnslet had rules there.
    return this.#iptables.apply(this.#wanted(), ['filter', 'raw'], shared)
  }

  async remove(): Promise<void> {
    await this.#iptables.apply([], ['filter'])
  }

  #wanted(): ReturnType<typeof acceptRules> {
    return acceptRules(makePlan(this.#parts, [], []))
  }
}
