import type { Endpoint } from '../lib/address.ts'
import { parseResolvConf } from '../lib/resolv-conf.ts'

/** What resolvers take from resolv.conf (5). */
export interface ResolverConfig {
  /** Three at most, as every resolver has it. */
  readonly servers: readonly Endpoint[]
  readonly search: readonly string[]
  readonly ndots: number
  /** Milliseconds a server has to answer an attempt. */
  readonly timeoutMs: number
  readonly attempts: number
  readonly rotate: boolean
  readonly singleRequest: boolean
  readonly singleRequestReopen: boolean
  readonly useVc: boolean
}

export const DNS_PORT = 53
const MAX_SERVERS = 3
/** glibc's bounds of its options; musl has 60 and 10, Go none. */
const MAX_TIMEOUT_S = 30
const MAX_ATTEMPTS = 5

/** Reads the text of a resolv.conf as glibc does: what it cannot read is passed over. */
export function resolverConfig(text: string): ResolverConfig {
  const { nameservers, ndots, options, search } = parseResolvConf(text)
  const values = new Map(
    options.map((word) => [word.split(':', 1)[0], word.split(':', 2)[1] ?? '']),
  )
  const number = (name: string, fallback: number, most: number): number => {
    const value = values.get(name) ?? ''
    return /^\d{1,9}$/.test(value) ? Math.max(1, Math.min(Number(value), most)) : fallback
  }
  return {
    servers: nameservers.slice(0, MAX_SERVERS).map((host) => ({ host, port: DNS_PORT })),
    search,
    ndots,
    timeoutMs: number('timeout', 5, MAX_TIMEOUT_S) * 1000,
    attempts: number('attempts', 2, MAX_ATTEMPTS),
    rotate: values.has('rotate'),
    singleRequest: values.has('single-request'),
    singleRequestReopen: values.has('single-request-reopen'),
    useVc: values.has('use-vc'),
  }
}
