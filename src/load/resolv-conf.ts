import { isIP } from 'node:net'
import type { Endpoint } from '../lib/address.ts'

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

const MAX_SERVERS = 3
/** glibc's bounds of its options; musl has 15, 60 and 10, Go 15 and none. */
const MAX_NDOTS = 15
const MAX_TIMEOUT_S = 30
const MAX_ATTEMPTS = 5

/** Reads the text of a resolv.conf as glibc does: what it cannot read is passed over, the last `search` counts. */
export function parseResolvConf(text: string): ResolverConfig {
  const servers: Endpoint[] = []
  let search: string[] = []
  const options = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (/^[;#]/.test(line)) continue
    const [keyword, ...words] = line.trim().split(/\s+/)
    const [first = ''] = words
    if (keyword === 'nameserver' && isIP(first) !== 0) {
      if (servers.length < MAX_SERVERS) servers.push({ host: first, port: 53 })
    } else if (keyword === 'search') search = words
    else if (keyword === 'domain') search = words.slice(0, 1)
    else if (keyword === 'options') {
      for (const word of words) options.set(word.split(':', 1)[0]!, word.split(':', 2)[1] ?? '')
    }
  }
  const number = (name: string, fallback: number, least: number, most: number): number => {
    const value = options.get(name) ?? ''
    return /^\d{1,9}$/.test(value) ? Math.max(least, Math.min(Number(value), most)) : fallback
  }
  return {
    servers,
    search,
    ndots: number('ndots', 1, 0, MAX_NDOTS),
    timeoutMs: number('timeout', 5, 1, MAX_TIMEOUT_S) * 1000,
    attempts: number('attempts', 2, 1, MAX_ATTEMPTS),
    rotate: options.has('rotate'),
    singleRequest: options.has('single-request'),
    singleRequestReopen: options.has('single-request-reopen'),
    useVc: options.has('use-vc'),
  }
}
