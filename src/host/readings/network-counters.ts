import { unmapped } from '../../lib/address.ts'
import { serversOn } from '../../sys/socket-table.ts'
import { mapReading, readText, type Reading } from './reading.ts'

/** What this network namespace has lost since it was made. */
export interface NetworkCounters {
  /** By table and name, as the kernel spells them: `Udp.RcvbufErrors`, `TcpExt.IPReversePathFilter`. */
  readonly counters: Reading<ReadonlyMap<string, number>>
  /** Packets that a CPU's queue had no room for, of the whole machine. */
  readonly softnetDropped: Reading<number>
  /** Datagrams that UDP sockets bound to this port had no room for, by address; since each was opened. */
  readonly socketDrops: Reading<ReadonlyMap<string, number>>
}

/**
 * @param port of the sockets whose drops are told
 * @param root in place of `/`, for tests
 */
export function readNetworkCounters(port: number, root = '/'): NetworkCounters {
  const tables = ['/proc/net/snmp', '/proc/net/netstat'].map((path) => readText(path, root))
  const [first = { why: '' }] = tables
  const text = tables.map((one) => ('value' in one ? one.value : '')).join('\n')
  return {
    counters: mapReading(first, () => protocolCounters(text)),
    softnetDropped: mapReading(readText('/proc/net/softnet_stat', root), softnetDrops),
    socketDrops: mapReading(readText('/proc/net/udp', root), (ipv4) => {
      const ipv6 = readText('/proc/net/udp6', root)
      return udpDrops([ipv4, 'value' in ipv6 ? ipv6.value : ''], port)
    }),
  }
}

/**
 * The counters of /proc/net/snmp and /proc/net/netstat: pairs of lines, `Udp: name name …` and
 * `Udp: value value …`.
 */
export function protocolCounters(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  let [title, names] = ['', [] as string[]]
  for (const line of text.split('\n')) {
    const [head = '', ...values] = line.trim().split(/\s+/)
    if (head !== title || head === '') {
      title = head
      names = values
      continue
    }
    for (const [i, name] of names.entries()) {
      const value = Number(values[i])
      if (Number.isSafeInteger(value)) found.set(`${title.replace(/:$/, '')}.${name}`, value)
    }
    title = ''
  }
  return found
}

/** Sum of the second column of /proc/net/softnet_stat, hexadecimal, a line for each CPU. */
export function softnetDrops(text: string): number {
  const columns = text.split('\n').map((line) => line.trim().split(/\s+/)[1] ?? '')
  return columns
    .filter((word) => /^[0-9a-f]{1,8}$/i.test(word))
    .reduce((sum, word) => sum + Number.parseInt(word, 16), 0)
}

/** Drops of unconnected sockets on `port` in the texts of /proc/net/udp and udp6, the last column. */
function udpDrops(texts: readonly [string, string], port: number): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const [i, table] of (['udp', 'udp6'] as const).entries()) {
    for (const { address, drops } of serversOn(table, port, () => texts[i]!.split('\n'))) {
      const key = unmapped(address)
      found.set(key, (found.get(key) ?? 0) + drops)
    }
  }
  return found
}
