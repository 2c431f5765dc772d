import { DnsletError } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { oneAtATime } from '../../lib/one-at-a-time.ts'
import { Nfnetlink, replaceElements, type SetContent } from '../../sys/nfnetlink.ts'
import { AF_INET, AF_INET6 } from '../../sys/sockaddr.ts'
import { errnoName } from '../../sys/socket.ts'
import { acceptRules, type IptablesRule } from './iptables-plan.ts'
import type { Iptables } from './iptables.ts'
import {
  fallbackUpdate,
  restingTable,
  servingTable,
  setNames,
  type SetRole,
  tableName,
} from './nft-ruleset.ts'
import {
  difference,
  FALLBACK_MS,
  LEASE_MS,
  makePlan,
  type Plan,
  type Rules,
  type RulesParts,
} from './rules.ts'

/** Time for TCP connections to end where they began, after the begin and the end of interception. */
const SETTLE_MS = 5_000
const DRAIN_MS = 5_000
const ENOENT = 2

/** Rules in a table of our own, with a lease that the kernel ends. */
export class NftRules implements Rules {
  readonly kind = 'nft'
  readonly lease = 'set'
  readonly leadsAll: boolean
  readonly #parts: RulesParts
  readonly #iptables: Iptables
  /**
   * The part of the rules that nft cannot do: a firewall made with iptables drops what an nft table
   * has accepted, so the accept must be in iptables too.
   */
  readonly #accept: readonly IptablesRule[]
  readonly #inTurn = oneAtATime()
  readonly #netlink: Nfnetlink
  /** The netlink socket takes one transaction at a time. */
  readonly #transact = oneAtATime()
  readonly #table: string
  /** Transactions that renew the lease, and that begin it. */
  readonly #renewal: Buffer
  readonly #beginning: Buffer
  #state: 'idle' | 'serving' | 'withdrawn' | 'removed' = 'idle'
  #targets: readonly string[] = []
  /** As nft lists the table when it is as it should be. */
  #listing: readonly string[] = []
  #uplinks = ''
  #renewing: Promise<boolean> | null = null
  /** What could not be renewed the last time. */
  readonly #unrenewed = new Set<'lease' | 'fallback'>()
  #renewedAt = -Infinity
  /** Transactions of ours that the kernel took. */
  #transactions = 0
  /** What `#foreign()` was before a check that found all well; null where none did. */
  #wasWell: number | null = null

  /** Throws SyscallError where there is no netlink socket to be had. */
  constructor(parts: RulesParts, iptables: Iptables) {
    this.#parts = parts
    this.leadsAll = parts.interception === 'local'
    this.#iptables = iptables
    this.#accept = acceptRules(makePlan(parts, [], []))
    this.#table = tableName(parts.scope ?? '')
    this.#netlink = new Nfnetlink(parts.libc, parts.descriptors)
    const lease = this.#contents('lease', LEASE_MS)
    this.#renewal = replaceElements(this.#table, lease)
    this.#beginning = replaceElements(this.#table, [
      ...this.#empty('draining', 'joined'),
      ...this.#contents('settling', SETTLE_MS),
      ...lease,
    ])
  }

  install(intercepting = false): Promise<void> {
    return this.#inTurn(async () => {
      // Also rids both backends of what node-cache or a dnslet without nft left there.
      await this.#iptables.install(this.#accept)
      if (this.#targets.length === 0) this.#targets = await this.#earlierTargets()
      if (intercepting) this.#renewedAt = performance.now()
      await this.#load('serving')
    })
  }

  check(shared = false): Promise<string[]> {
    return this.#inTurn(async () => {
      if (this.#state === 'idle') return []
      const plan = await this.#plan()
      const moved = plan.uplinks.join() === this.#uplinks ? [] : [`uplinks: ${plan.uplinks.join()}`]
      const foreign = await this.#foreign()
      if (moved.length === 0 && foreign !== null && foreign === this.#wasWell) return []
      this.#wasWell = null
      const list = await this.#list()
      if (shared && list.length > 0) return []
      const lost = list.length > 0 ? difference(this.#listing, list) : [`table inet ${this.#table}`]
      const found = [...lost, ...moved]
      if (found.length > 0) await this.#load(this.#state)
      if (this.#state === 'removed') return found
      // Not nat, which is long in a large cluster: nobody but an older dnslet had rules there.
      found.push(...(await this.#iptables.apply(this.#accept, ['filter', 'raw'], shared)))
      if (found.length === 0) this.#wasWell = foreign
      return found
    })
  }

  renew(): Promise<boolean> {
    if (this.#state !== 'serving') return Promise.resolve(false)
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = null))
    return this.#renewing
  }

  setFallback(targets: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#targets = targets
      if (this.#state === 'removed') return this.#load('removed')
      if (this.#state === 'idle') return
      await this.#run(fallbackUpdate(await this.#plan()))
      this.#listing = await this.#list()
    })
  }

  renewFallback(): Promise<void> {
    const { orphans } = this.#parts
    return this.#inTurn(async () => {
      if (this.#state !== 'serving' || orphans.length === 0) return
      const contents = this.#contents('orphan', FALLBACK_MS, orphans)
      // Of a family without orphans there is no such set.
      const errno = await this.#change(
        replaceElements(
          this.#table,
          contents.filter(({ keys }) => keys.length > 0),
        ),
      )
      this.#noteRenewal('fallback', errno)
    })
  }

  async isLeased(): Promise<boolean> {
    const families = makePlan(this.#parts, [], []).families
    const listed = families.map(({ ipv6 }) => {
      const list = ['list', 'set', 'inet', this.#table, setNames(ipv6).lease]
      return this.#parts.programs.run('nft', list).catch(() => [])
    })
    return (await Promise.all(listed)).flat().some((line) => line.includes('elements = {'))
  }

  withdraw(drainMs: number = DRAIN_MS): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state !== 'serving') return
      this.#state = 'withdrawn'
      // A renewal that is on its way must not arrive after this.
      await this.#renewing
      this.#renewedAt = -Infinity
      const contents = [
        ...this.#empty('settling', 'lease', 'moved'),
        ...this.#contents('draining', drainMs),
      ]
      const errno = await this.#change(replaceElements(this.#table, contents))
      // No table, no interception.
      if (errno !== 0 && errno !== ENOENT) throw cannotWithdraw(errno)
    })
  }

  remove(): Promise<void> {
    return this.#inTurn(async () => {
      const wasRemoved = this.#state === 'removed'
      this.#state = 'removed'
      await this.#renewing
      await this.#load('removed')
      await this.#iptables.apply([], ['filter'])
      if (!wasRemoved) this.#netlink.close()
    })
  }

  async #renew(): Promise<boolean> {
    const errno = await this.#change(this.#isLeased() ? this.#renewal : this.#beginning)
    if (errno === 0) this.#renewedAt = performance.now()
    this.#noteRenewal('lease', errno)
    return errno === 0
  }

  /** Says once that a renewal fails; the next check of the rules puts back what is missing. */
  #noteRenewal(what: 'lease' | 'fallback', errno: number): void {
    if (errno === 0) {
      this.#unrenewed.delete(what)
    } else if (!this.#unrenewed.has(what)) {
      this.#unrenewed.add(what)
      const meanwhile = what === 'lease' ? ': kube-dns answers until the rules are put back' : ''
      this.#log().warning(`Cannot renew the ${what} (${errnoName(errno)})${meanwhile}`)
    }
  }

  #change(transaction: Buffer): Promise<number> {
    return this.#transact(async () => {
      const errno = await this.#netlink.run(transaction)
      if (errno === 0) this.#transactions++
      return errno
    })
  }

  /**
   * How often the kernel's packet rules were changed by others than our renewals: while that stays the same
   * there is nothing to look for, and a look takes six programs. Null where that cannot be told.
   */
  #foreign(): Promise<number | null> {
    // Then there is no socket any more.
    if (this.#state === 'removed' || !this.#iptables.isCounted) return Promise.resolve(null)
    return this.#transact(async () => {
      const generation = this.#netlink.generation()
      return generation === null ? null : (generation - this.#transactions) >>> 0
    })
  }

  #isLeased(): boolean {
    return performance.now() - this.#renewedAt < LEASE_MS
  }

  #empty(...sets: readonly SetRole[]): SetContent[] {
    return sets.flatMap((set) => this.#contents(set, 0, []))
  }

  #log(): Log {
    return this.#parts.log
  }

  async #plan(): Promise<Plan> {
    return makePlan(this.#parts, await this.#parts.uplinks(), this.#targets)
  }

  async #load(state: 'serving' | 'withdrawn' | 'removed'): Promise<void> {
    const plan = await this.#plan()
    const table = state === 'removed' ? restingTable(plan) : servingTable(plan, this.#isLeased())
    await this.#run(table)
    this.#state = state
    this.#uplinks = plan.uplinks.join()
    this.#listing = await this.#list()
  }

  async #run(input: string): Promise<void> {
    await this.#parts.programs.run('nft', ['-f', '-'], { input })
  }

  /** Lines of the table without elements and counters; none where it does not exist. */
  async #list(): Promise<string[]> {
    const { programs } = this.#parts
    const list = ['-s', '-t', 'list', 'table', 'inet', this.#table]
    try {
      return await programs.run('nft', list, { keep: (line) => /\w/.test(line) })
    } catch (cause) {
      const tables = await programs.run('nft', ['list', 'tables', 'inet'])
      if (tables.includes(`table inet ${this.#table}`)) throw cause
      return []
    }
  }

  /** Those of the table in place: where this process knows none, they are better than none. */
  async #earlierTargets(): Promise<string[]> {
    if (this.#parts.orphans.length === 0) return []
    const { programs } = this.#parts
    const list = ['list', 'chain', 'inet', this.#table, 'fallback']
    const lines = await programs.run('nft', list).catch(() => [])
    return lines.flatMap((line) => / dnat ip6? to \[?([0-9a-f.:]+?)\]?:53$/.exec(line)?.[1] ?? [])
  }

  #contents(
    set: SetRole,
    timeoutMs: number,
    addresses: readonly string[] = this.#parts.addresses,
  ): SetContent[] {
    return makePlan(this.#parts, [], []).families.map(({ ipv6 }) => ({
      set: setNames(ipv6)[set],
      keys: addresses.filter((a) => a.includes(':') === ipv6).map((a) => this.#key(a, ipv6)),
      timeoutMs,
    }))
  }

  #key(address: string, ipv6: boolean): Buffer {
    const key = Buffer.alloc(ipv6 ? 16 : 4)
    this.#parts.libc.inet_pton(ipv6 ? AF_INET6 : AF_INET, address, key)
    return key
  }
}

function cannotWithdraw(errno: number): DnsletError {
  const name = errnoName(errno)
  return new DnsletError(
    name,
    `Cannot end interception: ${name}; it ends ${LEASE_MS} ms after the last renewal`,
  )
}
