import type { Log } from '../../lib/log.ts'
import type { Descriptors } from '../../sys/descriptors.ts'
import type { Libc } from '../../sys/libc.ts'
import type { Programs } from '../programs.ts'

/** Milliseconds after the last renewal at which interception ends by itself. */
export const LEASE_MS = 3_000
/**
 * Milliseconds after the last sign of life of any dnslet at which the fall-back of the orphans ends. While
 * dnslet is dead it is all that answers there, and kube-dns's pods mostly stay where they are: an hour outlasts
 * crashes, pulls of images and a person's way to the keyboard. Where dnslet was deleted it must end: an
 * address of a pod is another pod's one day.
 */
export const FALLBACK_MS = 3_600_000

export interface RulesParts {
  readonly libc: Libc
  readonly descriptors: Descriptors
  readonly log: Log
  readonly programs: Programs
  /** Addresses that dnslet answers on, IPv4 and IPv6. Those on kube-ipvs0 do not belong here. */
  readonly addresses: readonly string[]
  /** Those of `addresses` that kube-proxy has no rule for: `setFallback()` says who answers instead. */
  readonly orphans: readonly string[]
  readonly port: number
  /** Port of /health, whose probes are not tracked either. */
  readonly healthPort: number
  /**
   * What must hold besides the lease: `local`, the address is on an interface (a TUN or dummy of
   * ours); `socket`, somebody listens on it (the address is there for good). Packets of the node's own
   * processes cannot be matched by the second: they go to kube-dns.
   */
  readonly interception: 'local' | 'socket'
  /**
   * Interfaces behind which there are no pods: what arrives there is not intercepted. Asked at
   * install() and check().
   */
  readonly uplinks: () => Promise<readonly string[]>
  /** What sets these rules apart from those of another dnslet of this node; '' for the usual one. */
  readonly scope?: string
}

/**
 * The packet rules that lead queries for the addresses to dnslet, past kube-proxy: they are not
 * tracked, so no DNAT applies. Calls run one after the other. Those that run programs throw
 * ProgramError; the rules may then be as they were before, and queries are answered either way.
 */
export interface Rules {
  /** `late` where they are not in place yet. */
  readonly kind: 'nft' | 'iptables' | 'late'
  /** What ends interception when the process is frozen: elements of an nft set, or the caller's address lifetimes. */
  readonly lease: 'set' | 'address'
  /** False where queries of the node's own processes go to kube-dns (interception `socket`). */
  readonly leadsAll: boolean
  /**
   * Puts the rules in place, and takes away what older ones and node-cache have left. Interception
   * begins with `renew()` (lease `set`) or with the address.
   * @param intercepting true where a predecessor hands over: interception goes on without a gap
   */
  install(intercepting?: boolean): Promise<void>
  /**
   * Repairs the rules. Returns what was missing, doubled or alien; nothing where all is well.
   * @param shared whether another process serves the same addresses and has rules as well: what leads
   *   queries there leads them here, and two that repair each other's rules would never come to an end
   */
  check(shared?: boolean): Promise<string[]>
  /** Whether queries are led here at this moment, by this dnslet's lease or by another one's. */
  isLeased(): Promise<boolean>
  /**
   * Renews the lease for `LEASE_MS`; to be called each second. Costs microseconds and never rejects.
   * False where the lease could not be renewed: somebody has flushed the rules, and `check()` is due.
   */
  renew(): Promise<boolean>
  /** Pods (IP addresses, port 53) that answer for the orphans while dnslet does not. */
  setFallback(targets: readonly string[]): Promise<void>
  /** Has the fallback last for another `FALLBACK_MS`; to be called every few minutes. */
  renewFallback(): Promise<void>
  /**
   * Ends interception in one transaction. With lease `set`, TCP connections that are open stay ours
   * for `drainMs` (at most a minute); with lease `address` kube-dns resets them.
   */
  withdraw(drainMs?: number): Promise<void>
  /**
   * Removes everything but the fallback of the orphans, which is what answers from now on, for
   * `FALLBACK_MS`. The end: after it only `setFallback()` has an effect.
   */
  remove(): Promise<void>
}

/** The rules of one address family, as data for both ways to load them. */
export interface Family {
  readonly ipv6: boolean
  readonly addresses: readonly string[]
  readonly orphans: readonly string[]
  readonly targets: readonly string[]
}

/** Everything that rules are made of. */
export interface Plan {
  readonly families: readonly Family[]
  readonly port: number
  readonly healthPort: number
  readonly interception: RulesParts['interception']
  readonly uplinks: readonly string[]
  readonly scope: string
  /** UTC time at which iptables's fallback ends, as `-m time` takes it; null: never. With nft a set's does. */
  readonly fallbackUntil: string | null
}

/** Port on which pods of kube-dns answer. */
export const TARGET_PORT = 53
/** More of them would only make more rules. */
const MAX_TARGETS = 16

/** What `parts` ask for, by family; a family without addresses is left out. */
export function makePlan(
  parts: RulesParts,
  uplinks: readonly string[],
  targets: readonly string[],
): Plan {
  const { port, healthPort, interception, scope = '' } = parts
  const of = (ipv6: boolean): Family => {
    const ours = (address: string): boolean => address.includes(':') === ipv6
    return {
      ipv6,
      addresses: parts.addresses.filter(ours),
      orphans: parts.orphans.filter(ours),
      targets: targets.filter(ours).slice(0, MAX_TARGETS),
    }
  }
  const families = [of(false), of(true)].filter(({ addresses }) => addresses.length > 0)
  return { families, port, healthPort, interception, uplinks, scope, fallbackUntil: null }
}

/**
 * What `found` lacks and what it has too much, as multisets: `missing: …`, `unexpected: …`. Empty
 * where both hold the same lines equally often.
 */
export function difference(wanted: readonly string[], found: readonly string[]): string[] {
  const balance = new Map<string, number>()
  for (const line of wanted) balance.set(line, (balance.get(line) ?? 0) + 1)
  for (const line of found) balance.set(line, (balance.get(line) ?? 0) - 1)
  return [...balance].flatMap(([line, count]) => {
    const what = count > 0 ? 'missing' : 'unexpected'
    return Array.from({ length: Math.abs(count) }, () => `${what}: ${line.trim()}`)
  })
}
