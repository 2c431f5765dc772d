import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'

import { ProgramError, type Programs } from '../programs.ts'

/** One of the two packet filters that iptables can mean. */
export interface Backend {
  readonly kind: 'nft' | 'legacy'
  /** Of the program names: `iptables-nft` for `iptables-nft-save`. */
  readonly ipv4: string
  readonly ipv6: string
}

export interface Backends {
  /** The one that kubelet and kube-proxy use, else the one with a firewall: there an accept has an effect. */
  readonly used: Backend | null
  readonly others: readonly Backend[]
}

/** Chains of kubelet and kube-proxy. */
const chains = /^:KUBE-(IPTABLES-HINT|KUBELET-CANARY|PROXY-CANARY|SERVICES) /

/** Rules of others: those of node-cache and ours tell nothing of who uses a backend. */
const foreign = /^-A (?!.*--comment "?(?:dnslet|NodeLocal DNS Cache)\b)/

/**
 * Looks for the programs, and for the traces of kubelet and kube-proxy. Without any trace (another proxy, and a kubelet
 * that makes no chains) the one with more rules, as node-cache's image has it; nft where they have as many.
 */
export async function findBackends(programs: Programs): Promise<Backends> {
  const found = [await find(programs, 'nft'), await find(programs, 'legacy')].filter(
    (backend) => backend !== null,
  )
  const plain = found.length === 0 ? await findPlain(programs) : null
  if (plain !== null) return { used: plain, others: [] }
  for (const used of found) {
    if (await isUsed(programs, used)) return { used, others: found.filter((b) => b !== used) }
  }
  const [first = null, second = null] = found
  if (second === null) return { used: first, others: [] }
  const isSecond = (await countRules(programs, second)) > (await countRules(programs, first!))
  return isSecond ? { used: second, others: [first!] } : { used: first, others: [second] }
}

async function countRules(programs: Programs, { ipv4, ipv6 }: Backend): Promise<number> {
  const keep = (line: string): boolean => foreign.test(line)
  const lists = [ipv4, ipv6].map((family) => programs.run(`${family}-save`, [], { keep }))
  const counts = await Promise.allSettled(lists)
  return counts.reduce(
    (sum, list) => sum + (list.status === 'fulfilled' ? list.value.length : 0),
    0,
  )
}

async function find(programs: Programs, kind: Backend['kind']): Promise<Backend | null> {
  const version = await versionOf(programs, `iptables-${kind}-save`)
  return version === null ? null : { kind, ipv4: `iptables-${kind}`, ipv6: `ip6tables-${kind}` }
}

/** Distributions with one backend alone have no names for two. */
async function findPlain(programs: Programs): Promise<Backend | null> {
  const version = await versionOf(programs, 'iptables-save')
  if (version === null) return null
  const kind = version.includes('nf_tables') ? 'nft' : 'legacy'
  return { kind, ipv4: 'iptables', ipv6: 'ip6tables' }
}

async function versionOf(programs: Programs, program: string): Promise<string | null> {
  try {
    return (await programs.run(program, ['-V'])).join(' ')
  } catch (cause) {
    if (cause instanceof ProgramError && cause.code === 'E_NO_PROGRAM') return null
    throw cause
  }
}

async function isUsed(programs: Programs, backend: Backend): Promise<boolean> {
  const keep = (line: string): boolean => chains.test(line)
  for (const table of ['mangle', 'nat']) {
    // iptables-legacy may be forbidden to us; then it is not for us to use.
    const lines = await programs
      .run(...saveCommand(backend, false, table), { keep })
      .catch(() => [])
    if (lines.length > 0) return true
  }
  return false
}

/**
 * How to list a table. iptables-legacy would create a table that is asked for by name, so it is told
 * no name and lists those that exist.
 */
export function saveCommand(
  backend: Backend,
  ipv6: boolean,
  table: string,
): [program: string, args: string[]] {
  const program = `${ipv6 ? backend.ipv6 : backend.ipv4}-save`
  return [program, backend.kind === 'nft' ? ['-t', table] : []]
}

/**
 * Environment for iptables-legacy, which wants a lock file: one in `directory` where the common one
 * cannot be written, because it is not mounted.
 */
export async function lockFileEnvironment(
  directory: string,
  common = '/run/xtables.lock',
): Promise<Record<string, string>> {
  try {
    await access(common, constants.W_OK)
    return {}
  } catch {
    return { XTABLES_LOCKFILE: join(directory, 'xtables.lock') }
  }
}
