import { isLinkLocal, parseHostPort } from '../lib/address.ts'

/** What opens addresses: a compiled server block, as far as this looks at it. */
interface Opening {
  readonly stages: readonly {
    readonly name: string
    readonly stage: { readonly http?: string }
  }[]
}

/**
 * The HTTP addresses that more than this node can reach, each once with who opens it:
 * `:9253 (prometheus)`. Loopback, link-local and node-local addresses stay on the node.
 *
 * @param localIps the addresses of -localip, which no other machine has a route to
 */
export function openToOthers(
  blocks: readonly Opening[],
  localIps: readonly string[],
  metrics: string | null = null,
): readonly string[] {
  const users = new Map<string, Set<string>>()
  const add = (address: string, user: string): void => {
    users.set(address, (users.get(address) ?? new Set()).add(user))
  }
  for (const { stages } of blocks) {
    for (const { name, stage } of stages) if (stage.http !== undefined) add(stage.http, name)
  }
  if (metrics !== null) add(metrics, '-metrics-listen-address')
  return [...users]
    .filter(([address]) => isOpen(address, localIps))
    .map(([address, names]) => `${address} (${[...names].join(', ')})`)
}

/** One line for the log and for `dnslet check`; null where there is nothing to say. */
export function openToOthersLine(addresses: readonly string[]): string | null {
  if (addresses.length === 0) return null
  return `HTTP that more than this node can reach: ${addresses.join(' ')}`
}

function isOpen(address: string, localIps: readonly string[]): boolean {
  const parsed = parseHostPort(address)
  if (typeof parsed === 'string') return false
  const host = parsed.host.toLowerCase()
  if (localIps.includes(host)) return false
  return !/^(127\.|::1$|localhost$)/.test(host) && !isLinkLocal(host)
}
