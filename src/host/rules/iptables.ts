import { createHash } from 'node:crypto'

import type { Log } from '../../lib/log.ts'
import { plural } from '../../lib/plural.ts'
import { ProgramError, type Programs } from '../programs.ts'
import { saveCommand, type Backend, type Backends } from './iptables-backend.ts'
import type { IptablesRule } from './iptables-plan.ts'
import { difference } from './rules.ts'

type Table = IptablesRule['table']

/** In the order of changes: who is not tracked must be let in already, or a firewall would drop DNS. */
export const tables: readonly Table[] = ['filter', 'nat', 'raw']

/** A rule of ours, or of node-cache, as iptables-save prints it. */
interface Found {
  /** `PREROUTING -d 10.96.0.10/32 …` */
  readonly text: string
  readonly comment: string
}

/** Our rules among those of others, told by their comments. */
export class Iptables {
  readonly #programs: Programs
  readonly #backends: Backends
  readonly #log: Log
  readonly #author: string
  /** Comments of our rules; of the usual scope node-cache's as well, which this is in place of. */
  readonly #ours: RegExp

  /**
   * @param scope what sets our rules apart from those of another dnslet; '' for the usual one
   * @param authors whose rules count as ours, a regular expression; default: those of this scope
   */
  constructor(
    programs: Programs,
    backends: Backends,
    log: Log,
    { scope = '', authors }: { readonly scope?: string; readonly authors?: string } = {},
  ) {
    this.#programs = programs
    this.#log = log
    this.#backends = backends
    this.#author = `dnslet${scope}`
    const own = scope === '' ? 'dnslet|NodeLocal DNS Cache' : this.#author
    this.#ours = new RegExp(`--comment "?((?:${authors ?? own}): [^"]*)"?`)
  }

  /** Whether the kernel counts changes of these rules in the generation of nft's (`Nfnetlink.generation()`). */
  get isCounted(): boolean {
    return this.#backends.used?.kind !== 'legacy'
  }

  /**
   * Makes `wanted` the only rules of ours in the tables `among`, exactly once each, and removes those
   * of node-cache. Returns what it had to repair. Each family is changed by one iptables-restore,
   * each table of it in one transaction.
   *
   * @param shared another process makes such rules too: what is missing is added, its own stay
   */
  async apply(
    wanted: readonly IptablesRule[],
    among: readonly Table[] = tables,
    shared = false,
  ): Promise<string[]> {
    const { used } = this.#backends
    if (used === null) return []
    const found = []
    for (const ipv6 of [false, true]) {
      const rules = wanted.filter((rule) => rule.ipv6 === ipv6)
      found.push(...(await this.#applyFamily(used, ipv6, among, rules, shared)))
    }
    return found
  }

  /**
   * `apply()` to all tables at start: also removes what node-cache or an older dnslet have left, in
   * the backend that nobody uses too, and says so. Returns what it had to repair.
   */
  async install(wanted: readonly IptablesRule[]): Promise<string[]> {
    const found = []
    for (const backend of this.#backends.others) found.push(...(await this.#sweep(backend)))
    found.push(...(await this.apply(wanted)))
    const alien = found.filter((line) => line.startsWith('unexpected'))
    if (alien.length === 0) return found
    const whose = 'node-cache or an earlier dnslet'
    this.#log.info(`Removed ${plural(alien.length, 'packet rule')} that ${whose} had left behind`)
    return found
  }

  /** Where our DNAT leads now. */
  async targets(): Promise<string[]> {
    const { used } = this.#backends
    if (used === null) return []
    const targets = new Set<string>()
    for (const ipv6 of [false, true]) {
      const rules = (await this.#list(used, ipv6, ['nat'])).get('nat') ?? []
      for (const { text } of rules) {
        const target = / --to-destination \[?([0-9a-f.:]+?)\]?:53\b/.exec(text)?.[1]
        if (target !== undefined) targets.add(target)
      }
    }
    return [...targets]
  }

  async #sweep(backend: Backend): Promise<string[]> {
    try {
      const ipv4 = await this.#applyFamily(backend, false, tables, [])
      return [...ipv4, ...(await this.#applyFamily(backend, true, tables, []))]
    } catch (cause) {
      const { message } = cause as Error
      const remedy = 'those of node-cache defeat the fall-back to kube-dns; give NET_RAW once'
      this.#log.warning(`Cannot look for rules left in ${backend.ipv4}: ${message}; ${remedy}`)
      return []
    }
  }

  async #applyFamily(
    backend: Backend,
    ipv6: boolean,
    among: readonly Table[],
    wanted: readonly IptablesRule[],
    shared = false,
  ): Promise<string[]> {
    const repairs = await this.#repairs(backend, ipv6, among, wanted, shared)
    if (repairs.length === 0) return []
    const input = repairs.map(({ lines }) => lines.join('\n')).join('\n')
    const program = `${ipv6 ? backend.ipv6 : backend.ipv4}-restore`
    await this.#programs.run(program, ['-w', '5', '-n'], { input: `${input}\n` })
    return repairs.flatMap(({ found }) => found)
  }

  async #repairs(
    backend: Backend,
    ipv6: boolean,
    among: readonly Table[],
    wanted: readonly IptablesRule[],
    shared: boolean,
  ): Promise<{ found: string[]; lines: string[] }[]> {
    const present = await this.#list(backend, ipv6, among)
    return among.flatMap((table) => {
      const rules = wanted.filter((rule) => rule.table === table)
      const texts = new Map(rules.map((rule) => [this.#commentOf(rule), describe(rule)]))
      const all = present.get(table) ?? []
      const there = shared ? all.filter(({ comment }) => texts.has(comment)) : all
      const found = difference(
        rules.map(describe),
        there.map(({ comment, text }) => texts.get(comment) ?? `${table} ${text}`),
      )
      return found.length === 0 ? [] : [{ found, lines: this.#replace(table, there, rules) }]
    })
  }

  async #save(
    backend: Backend,
    ipv6: boolean,
    table: Table,
    keep: (line: string) => boolean,
  ): Promise<string[]> {
    try {
      return await this.#programs.run(...saveCommand(backend, ipv6, table), { keep })
    } catch (cause) {
      // Installed for IPv4 alone. If there are rules to make, making them will fail.
      if (cause instanceof ProgramError && cause.code === 'E_NO_PROGRAM') return []
      throw cause
    }
  }

  async #list(
    backend: Backend,
    ipv6: boolean,
    among: readonly Table[],
  ): Promise<Map<string, Found[]>> {
    const keep = (line: string): boolean => line.startsWith('*') || this.#ours.test(line)
    const present = new Map<string, Found[]>()
    // iptables-legacy lists all tables at once.
    const calls = backend.kind === 'legacy' ? among.slice(0, 1) : among
    for (const call of calls) {
      const lines = await this.#save(backend, ipv6, call, keep)
      let table: Found[] = []
      for (const line of lines) {
        if (line.startsWith('*')) present.set(line.slice(1), (table = []))
        else
          table.push({ text: line.replace(/^-A /, ''), comment: this.#ours.exec(line)?.[1] ?? '' })
      }
    }
    return present
  }

  /** Takes all out and puts all in, in one transaction: so the order is right as well. */
  #replace(table: Table, there: readonly Found[], wanted: readonly IptablesRule[]): string[] {
    return [
      `*${table}`,
      ...there.map(({ text }) => `-D ${text}`),
      // Each of these goes to the head of its chain.
      ...wanted
        .filter((rule) => !isDnat(rule))
        .toReversed()
        .map((rule) => `-I ${this.#whole(rule)}`),
      ...wanted.filter(isDnat).map((rule) => `-A ${this.#whole(rule)}`),
      'COMMIT',
    ]
  }

  #whole(rule: IptablesRule): string {
    return `${rule.chain} ${rule.spec} -m comment --comment "${this.#commentOf(rule)}"`
  }

  /**
   * Says what the rule is for, and which one it is: iptables prints rules in words that differ with
   * its version, so a rule is recognised by a digest of ours.
   */
  #commentOf(rule: IptablesRule): string {
    const digest = createHash('sha256').update(describe(rule)).digest('hex').slice(0, 8)
    return `${this.#author}: ${rule.purpose} [${digest}]`
  }
}

/** Behind kube-proxy's, which knows better who answers, if it knows the address by now. */
function isDnat({ table, chain }: IptablesRule): boolean {
  return table === 'nat' && chain !== 'POSTROUTING'
}

function describe({ table, chain, spec }: IptablesRule): string {
  return `${table} ${chain} ${spec}`
}
