import { isSubdomain } from '../../corefile/domain-name.ts'
import type { Key } from '../../corefile/keys.ts'
import type { Directive, ServerBlock, Token } from '../../corefile/parse.ts'
import { Placeholder } from './render.ts'

/** A server block of a base file, placeholders included, and its keys read. */
export interface BaseBlock {
  readonly block: ServerBlock
  readonly keys: readonly Key[]
}

const REVERSE_ZONES = ['in-addr.arpa.', 'ip6.arpa.']

/** Whether a block forwards to the upstream Service. */
export function usesUpstream({ block }: BaseBlock): boolean {
  return [...block.directives.values()].flat().some(({ args, options }) => {
    const tokens = [...args, ...(options ?? []).flatMap((option) => option.args)]
    return tokens.some(({ text }) => text.includes(Placeholder.ClusterDns))
  })
}

/**
 * The cluster's domain, without its final dot: the zone of the first block that forwards to the
 * upstream Service and is neither the root nor one of addresses. Null where there is none.
 */
export function clusterDomain(blocks: readonly BaseBlock[]): string | null {
  for (const { zone } of blocks.filter(usesUpstream).flatMap(({ keys }) => keys)) {
    const reverse = REVERSE_ZONES.some((parent) => isSubdomain(zone, parent))
    if (zone !== '.' && !reverse) return zone.slice(0, -1)
  }
  return null
}

export interface StubZones {
  /** Server blocks, placeholders included, to be appended to the base file. */
  readonly text: string
  /** Why zones or servers were left out. */
  readonly warnings: readonly string[]
}

/** What blocks for stub domains are made with. */
export interface StubZoneRules {
  readonly port: number
  readonly localIps: readonly string[]
  /** The directives that such a block takes over. */
  readonly directives: readonly string[]
}

/**
 * Server blocks for stub domains. Each is the base file's `.` block (the original has a fixed text of
 * four plugins) with another zone and other servers. They are asked over the client's protocol: stub
 * servers lie outside the cluster, where neither kube-proxy nor conntrack is in the way, and not all
 * of them answer TCP. What would refuse the whole Corefile is left out with a warning: a zone that the
 * base file has already, whose block is the more deliberate one, and servers that are ourselves.
 */
export function stubZones(
  domains: readonly (readonly [domain: string, servers: readonly string[]])[],
  blocks: readonly BaseBlock[],
  { port, localIps, directives }: StubZoneRules,
): StubZones {
  const served = new Set(blocks.flatMap(({ keys }) => keys.map((key) => `${key.zone} ${key.port}`)))
  const itself = new Set(localIps.flatMap((ip) => [ip, `${ip}:${port}`, `[${ip}]:${port}`]))
  const shared = sharedDirectives(blocks, directives)
  const warnings: string[] = []
  const texts = domains.map(([domain, servers]) => {
    if (served.has(`${domain}. ${port}`)) {
      warnings.push(`stub domain ${domain} is left out: the base Corefile serves that zone itself`)
      return ''
    }
    const others = servers.filter((server) => !itself.has(server))
    if (others.length < servers.length) {
      warnings.push(
        `stub domain ${domain}: a name server that is one of -localip is left out, it would be asked by itself`,
      )
    }
    if (others.length === 0) return ''
    const lines = [...shared, `forward . ${others.join(' ')}`]
    return `\n${domain}:${port} {\n${lines.map((line) => `    ${line}\n`).join('')}}\n`
  })
  return { text: texts.join(''), warnings }
}

function sharedDirectives(
  blocks: readonly BaseBlock[],
  names: readonly string[],
): readonly string[] {
  const root = blocks.find(({ keys }) => keys.some(({ zone }) => zone === '.')) ?? blocks[0]
  return [...(root?.block.directives ?? [])]
    .filter(([name]) => names.includes(name))
    .flatMap(([, directives]) => directives.map(directiveText))
}

/** A directive as it is written, its options indented for a place inside a block. */
function directiveText({ name, args, options }: Directive): string {
  const head = lineText(name, args)
  if (options === null) return head
  const lines = options.map((option) => `        ${lineText(option.name, option.args)}\n`)
  return `${head} {\n${lines.join('')}    }`
}

function lineText(name: Token, args: readonly Token[]): string {
  return [name, ...args].map(({ text }) => tokenText(text)).join(' ')
}

/** Tokens come without their quotes. */
function tokenText(text: string): string {
  return /^[^\s"#{}]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`
}
