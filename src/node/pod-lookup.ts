import { Resolver } from 'node:dns/promises'
import { isSubdomain } from '../corefile/domain-name.ts'
import type { CompiledBlock } from '../daemon/compile.ts'
import { joinHostPort } from '../lib/address.ts'
import { Result, Transport, upstreamCounters } from '../upstream/counters.ts'

const TIMEOUT_MS = 2_000
/** What a name without addresses is answered with. */
const NONE: readonly string[] = ['ENOTFOUND', 'ENODATA']

/** Kept while it asks the same servers: to make one takes thirty system calls, each five seconds. */
let lastResolver: { readonly key: string; readonly resolver: Resolver } | null = null

/** What is served. */
export interface Served {
  readonly runtime: { readonly blocks: readonly CompiledBlock[] }
  /** As clients get them. */
  lookUp(name: string): Promise<readonly string[]>
}

/**
 * Addresses of `name`, of these families, from the upstreams of its zone themselves: what is cached may be of half a
 * minute ago, and pods move in seconds. Where these do not answer, as clients get them. Rejects where
 * nobody can be asked.
 *
 * @param name absolute, in lower case
 */
export async function lookUpPods(
  daemon: Served,
  name: string,
  families: readonly (4 | 6)[],
): Promise<readonly string[]> {
  const servers = upstreamsOf(daemon, name)
  if (servers.length === 0) return daemon.lookUp(name)
  const resolver = resolverFor(servers)
  const found = await Promise.allSettled(
    families.map((family) => (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name))),
  )
  const answered = found.every(
    (one) => one.status === 'fulfilled' || NONE.includes((one.reason as { code?: string }).code!),
  )
  return answered
    ? found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    : daemon.lookUp(name)
}

/** It asks for each look-up anew, and keeps no answer. */
function resolverFor(servers: readonly string[]): Resolver {
  const key = servers.join()
  if (lastResolver?.key !== key) {
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 })
    resolver.setServers(servers)
    lastResolver = { key, resolver }
  }
  return lastResolver.resolver
}

/** Those that the block of the longest zone names by their address: `IP:port`. */
function upstreamsOf({ runtime }: Served, name: string): string[] {
  let longest = -1
  let found: string[] = []
  for (const { context, stages } of runtime.blocks) {
    const zones = context.zones.filter((zone) => isSubdomain(name, zone))
    const length = Math.max(...zones.map((zone) => zone.length))
    const upstreams = stages.find(({ stage }) => stage.upstreams !== undefined)?.stage.upstreams
    if (upstreams === undefined || length <= longest) continue
    longest = length
    found = upstreams.map(({ host, port }) => joinHostPort(host, port))
  }
  return found
}

const troubles = [Result.Timeout, Result.Refused, Result.Closed, Result.Unreachable] as const

/** Connections opened to upstreams and attempts that failed, of the whole process so far. */
export function upstreamUnrest(): number {
  let sum = 0
  for (const [, { dialled, results }] of upstreamCounters.entries()) {
    sum += dialled[Transport.Tcp]!
    for (const result of troubles) sum += results[result]!
  }
  return sum
}
