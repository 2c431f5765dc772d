import { statSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalName } from '../../corefile/domain-name.ts'
import { nodeFiles } from '../../corefile/files.ts'
import { parseIp } from '../../corefile/ip.ts'
import { parseHostPort } from '../../lib/address.ts'
import { DnsletError, reasonOf } from '../../lib/errors.ts'

/** What the kube-dns ConfigMap asks for, validated. */
export interface KubeDnsConfig {
  /** Name servers, at least one, `IP` or `IP:port`, by domain; sorted by domain. */
  readonly stubDomains: readonly (readonly [domain: string, servers: readonly string[]])[]
  /** Name servers for everything else, at most three; none: the node's own. */
  readonly upstreamServers: readonly string[]
}

/** A ConfigMap that asks for nothing. */
export const noKubeDnsConfig: KubeDnsConfig = { stubDomains: [], upstreamServers: [] }

/** A ConfigMap that cannot be used, while the rest of the Corefile is served. */
export interface KubeDnsRefusal {
  /** When that was first seen, milliseconds since 1970. */
  readonly at: number
  /** With the file. */
  readonly reason: string
  /** Whether an earlier one is in force; else the Corefile is served without stub domains. */
  readonly isEarlierServed: boolean
}

/** What the process knows of the ConfigMap; `refused` is null where it can be used, or is nobody's business. */
export const kubeDnsState: { refused: KubeDnsRefusal | null } = { refused: null }

const MAX_UPSTREAMS = 3
/** What `forward` takes, as in CoreDNS: a Corefile with more would be refused as a whole. */
const MAX_STUB_SERVERS = 15
/** RFC 1123 §2.1, lower case as Kubernetes wants it. */
const DOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const MAX_DOMAIN = 253

/** The files that readKubeDnsConfig() reads, existing or not. */
export function kubeDnsFiles(directory: string): readonly string[] {
  return ['federations', 'stubDomains', 'upstreamNameservers'].map((key) => join(directory, key))
}

/**
 * Reads the kube-dns ConfigMap mounted at `directory`, a file for each key. Keys and directories that
 * do not exist ask for nothing. Throws DnsletError with `E_KUBE_DNS_CONFIG` and the original's words
 * where a key cannot be used: one bad key refuses them all, since half a configuration is nobody's.
 */
export function readKubeDnsConfig(directory: string): KubeDnsConfig {
  // The original ignores what it does not use as well, but only after it has judged it.
  readKey(directory, 'federations', checkFederations)
  return {
    stubDomains: readKey(directory, 'stubDomains', parseStubDomains) ?? [],
    upstreamServers: readKey(directory, 'upstreamNameservers', parseUpstreams) ?? [],
  }
}

function readKey<T>(directory: string, key: string, parse: (text: string) => T): T | null {
  const path = join(directory, key)
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return null
    const text = nodeFiles.read(path)
    return text.trim() === '' ? null : parse(text)
  } catch (cause) {
    const message = `Invalid config: ${path}: ${reasonOf(cause)}`
    throw new DnsletError('E_KUBE_DNS_CONFIG', message, { cause })
  }
}

function parseStubDomains(text: string): KubeDnsConfig['stubDomains'] {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('not a JSON object of domains and their name servers')
  }
  const domains = Object.entries(value).map(([domain, list]) => {
    if (!isDomain(domain)) throw new Error(`invalid domain name: "${domain}"`)
    const servers = strings(list)
    if (servers.length === 0) throw new Error(`no nameserver for "${domain}"`)
    if (servers.length > MAX_STUB_SERVERS) {
      throw new Error(
        `more than ${MAX_STUB_SERVERS} nameservers for "${domain}": ${servers.length}`,
      )
    }
    for (const server of servers) {
      if (endpointProblem(server) !== null) {
        throw new Error(`invalid nameserver: "${server}": write an IP address, or IP:port`)
      }
    }
    return [domain, servers] as const
  })
  // Not the order of the file: the same domains have to give the same Corefile.
  return domains.toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function parseUpstreams(text: string): readonly string[] {
  const servers = strings(JSON.parse(text))
  if (servers.length > MAX_UPSTREAMS) {
    throw new Error('upstreamNameserver cannot have more than three entries')
  }
  for (const server of servers) {
    const problem = endpointProblem(server)
    if (problem !== null) throw new Error(problem)
  }
  return servers
}

/** `name=domain` pairs between commas. */
function checkFederations(text: string): void {
  for (const pair of text.split(',')) {
    const [name = '', domain = '', ...more] = pair.trim().split('=')
    if (more.length > 0 || !isDomain(name) || name.includes('.') || !isDomain(domain)) {
      throw new Error(`invalid federation: "${pair.trim()}"`)
    }
  }
}

function strings(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw new Error('not a JSON array of strings')
}

function isDomain(text: string): boolean {
  return text.length <= MAX_DOMAIN && DOMAIN.test(text) && canonicalName(text) !== null
}

/** What is wrong with an `IP`, `IP:port` or `[IPv6]:port`, in the original's words; null for nothing. */
function endpointProblem(text: string): string | null {
  if (parseIp(text) !== null) return null
  const endpoint = parseHostPort(text)
  if (typeof endpoint === 'string') {
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(text) ?? []
    return parseIp(host) === null ? `bad IP address: "${text}"` : `bad port number: "${port}"`
  }
  const { host, port } = endpoint
  if (parseIp(host) === null) return `bad IP address: "${host}"`
  return port === 0 ? `bad port number: "${port}"` : null
}
