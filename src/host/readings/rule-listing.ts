import { printable } from '../../lib/printable.ts'
import { ProgramError, type Programs } from '../programs.ts'
import { findBackends, saveCommand, type Backend } from '../rules/iptables-backend.ts'
import { type Reading, unreadFor } from './reading.ts'

/** An nft table of a dnslet. */
export interface NftTable {
  /** `dnslet`, or with the scope of one of several. */
  readonly name: string
  /** Addresses whose queries are led to dnslet at this moment. */
  readonly leased: readonly string[]
  /** Addresses that dnslet serves. */
  readonly addresses: readonly string[]
  /** Whether it intercepts at all: what is left without dnslet only answers for the orphans. */
  readonly intercepts: boolean
  /** Queries that its rules have led to dnslet since they were loaded; null where they do not count. */
  readonly packets: number | null
}

/** Rules of ours and of node-cache in one of the two packet filters that iptables can mean. */
export interface IptablesListing {
  readonly backend: Backend
  /** Rules with our comments. */
  readonly ours: number
  readonly nodeCache: number
  /** Addresses that rules of node-cache keep away from kube-proxy, whether or not anybody serves them. */
  readonly unconditional: readonly string[]
  /** Packets that rules of ours have led to dnslet; null where there are no such rules here. */
  readonly packets: number | null
  /** Whether kubelet or kube-proxy has chains here. */
  readonly usedByKubernetes: boolean
  /** Whether kube-proxy has rules for Services here. */
  readonly hasServices: boolean
}

export interface RuleListing {
  readonly nft: Reading<readonly NftTable[]>
  readonly iptables: Reading<readonly IptablesListing[]>
  /** Whether there is kube-proxy's nftables mode. */
  readonly kubeProxyTable: boolean
  /** `nftables v1.0.6`, `iptables v1.8.9 (nf_tables)`; those that are installed. */
  readonly programs: readonly string[]
}

/** Not the connections that begin or end just now, of which there may be hundreds of thousands. */
const keep = (line: string): boolean => !/^\s*(elements = \{ )?[0-9a-f.:]+ \. \d+/.test(line)

const TABLE = /^table inet (dnslet(?:-[0-9a-f]{4})?)$/

/** Lists packet rules; changes nothing. Never rejects. */
export async function listRules(programs: Programs): Promise<RuleListing> {
  const [tables, iptables, versions] = await Promise.all([
    nftTables(programs),
    reading(async () => {
      const { used, others } = await findBackends(programs)
      const backends = used === null ? [] : [used, ...others]
      return Promise.all(backends.map((backend) => listBackend(programs, backend)))
    }),
    Promise.all(['nft', 'iptables', 'iptables-nft', 'iptables-legacy'].map(versionOf(programs))),
  ])
  return {
    nft: tables.nft,
    iptables,
    kubeProxyTable: tables.kubeProxyTable,
    programs: [...new Set(versions.filter((version) => version !== ''))],
  }
}

async function nftTables(programs: Programs): Promise<Pick<RuleListing, 'nft' | 'kubeProxyTable'>> {
  const lines = await reading(() => programs.run('nft', ['list', 'tables']))
  if ('why' in lines) return { nft: lines, kubeProxyTable: false }
  const names = lines.value.flatMap((line) => TABLE.exec(line)?.[1] ?? [])
  const kubeProxyTable = lines.value.some((line) => /^table ip6? kube-proxy$/.test(line))
  const nft = await reading(() =>
    Promise.all(
      names.map(async (name) =>
        readTable(name, await programs.run('nft', ['list', 'table', 'inet', name], { keep })),
      ),
    ),
  )
  return { nft, kubeProxyTable }
}

/** Reads what `nft list table` prints of a dnslet's table. */
export function readTable(name: string, lines: readonly string[]): NftTable {
  const text = lines.join('\n')
  const lease = /\bset lease[46] \{[^}]*?(?:elements = \{([^}]*)\})?\s*\}/g
  const leased = [...text.matchAll(lease)].flatMap(([, elements = '']) =>
    elements.split(',').flatMap((one) => /^\s*([0-9a-f.:]+)/.exec(one)?.[1] ?? []),
  )
  const served = [...text.matchAll(/ saddr (?:\{ ([^}]*) \}|([0-9a-f.:]+)) notrack/g)].flatMap(
    ([, many = '', one = '']) => `${many},${one}`.split(',').map((word) => word.trim()),
  )
  const counted = [...text.matchAll(/ counter packets (\d+) bytes \d+ notrack accept/g)]
  return {
    name,
    leased,
    addresses: [...new Set(served)].filter((word) => word !== ''),
    intercepts: /\bset lease[46] \{/.test(text),
    packets:
      counted.length === 0 ? null : counted.reduce((sum, [, packets]) => sum + Number(packets), 0),
  }
}

const TABLES = ['raw', 'filter', 'mangle', 'nat'] as const

async function listBackend(
  programs: Programs,
  backend: Backend,
  among: readonly string[] = TABLES,
): Promise<IptablesListing> {
  const wanted =
    /^\*|^:KUBE-(IPTABLES-HINT|KUBELET-CANARY|PROXY-CANARY|SERVICES) |--comment "?(dnslet|NodeLocal DNS Cache)/
  const isWanted = (line: string): boolean => wanted.test(line.replace(/^\[\d+:\d+\] /, ''))
  const lines: string[] = []
  for (const ipv6 of [false, true]) {
    // Of iptables-legacy one call lists all tables.
    for (const table of backend.kind === 'nft' ? among : ['']) {
      const [program, args] = saveCommand(backend, ipv6, table)
      const list = programs.run(program, ['-c', ...args], { keep: isWanted })
      lines.push(...(await list.catch(absent)))
    }
  }
  return readSaved(backend, lines)
}

/**
 * Packets that rules of ours have led to dnslet up to now, of both kinds together; null where nothing
 * counts, or it cannot be read. Never rejects.
 */
export async function packetsLed(programs: Programs, found: RuleListing): Promise<number | null> {
  const tables = 'value' in found.nft ? found.nft.value.filter(({ intercepts }) => intercepts) : []
  const backends = 'value' in found.iptables ? found.iptables.value : []
  const counts = await reading(() =>
    Promise.all([
      ...tables.map(async ({ name }) => {
        const lines = await programs.run('nft', ['list', 'chain', 'inet', name, 'query'])
        return readTable(name, lines).packets
      }),
      ...backends
        .filter(({ packets }) => packets !== null)
        .map(async ({ backend }) => (await listBackend(programs, backend, ['raw'])).packets),
    ]),
  )
  const known = 'value' in counts ? counts.value.filter((count) => count !== null) : []
  return known.length === 0 ? null : known.reduce((sum, count) => sum + count, 0)
}

/** Installed for IPv4 alone. */
function absent(cause: unknown): string[] {
  if (cause instanceof ProgramError && cause.code === 'E_NO_PROGRAM') return []
  throw cause
}

/** Reads what `iptables-save -c` prints, all tables and both families one after the other. */
export function readSaved(backend: Backend, lines: readonly string[]): IptablesListing {
  let [ours, nodeCache] = [0, 0]
  let packets: number | null = null
  const unconditional = new Set<string>()
  let table = ''
  for (const line of lines) {
    if (line.startsWith('*')) table = line.slice(1)
    const [, count = '0', rule = ''] = /^\[(\d+):\d+\] (-A .*)$/.exec(line) ?? []
    if (/--comment "?dnslet/.test(rule)) {
      ours++
      if (/^-A (PREROUTING|OUTPUT) -d .* (NOTRACK|CT --notrack)/.test(rule)) {
        packets = (packets ?? 0) + Number(count)
      }
    }
    if (/--comment "?NodeLocal DNS Cache/.test(rule)) {
      nodeCache++
      const to = table === 'raw' ? / -d ([0-9a-f.:]+)(?:\/\d+)? /.exec(rule)?.[1] : undefined
      if (to !== undefined && !rule.includes('addrtype')) unconditional.add(to)
    }
  }
  return {
    backend,
    ours,
    nodeCache,
    unconditional: [...unconditional],
    packets,
    usedByKubernetes: lines.some((line) => line.startsWith(':KUBE-')),
    hasServices: lines.some((line) => line.startsWith(':KUBE-SERVICES ')),
  }
}

function versionOf(programs: Programs): (program: string) => Promise<string> {
  return (program) =>
    programs.run(program, ['-V']).then(
      ([line = '']) => printable(line.replace(/ \(Lester.*| \(".*/, '').slice(0, 80)),
      () => '',
    )
}

async function reading<T>(read: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { value: await read() }
  } catch (cause) {
    const message = printable((cause as Error).message)
      .split('\\n', 1)[0]!
      .slice(0, 200)
    const isDenied = /permitted|denied/i.test(message)
    return unreadFor(cause, isDenied ? `${message}: needs root with NET_ADMIN` : message)
  }
}
