import { isIP } from 'node:net'
import { isLinkLocalIPv6 } from './address.ts'
import { printable } from './printable.ts'

/** /etc/resolv.conf as glibc's stub resolver reads it. */
export interface ResolvConf {
  /** IP addresses in the order of the file, all of them; glibc uses the first three. */
  readonly nameservers: readonly string[]
  /** The last `search` or `domain` line. */
  readonly search: readonly string[]
  /** Names with fewer dots are tried with the search list first; 15 at most. */
  readonly ndots: number
  /** The words of all `options` lines. */
  readonly options: readonly string[]
  /** Lines that mean nothing, printable; ten at most. */
  readonly ignored: readonly string[]
}

const MAX_NDOTS = 15
/** Lines that are looked at: nobody's file is longer. */
const MAX_LINES = 100_000
const MAX_IGNORED = 10

/** Reads the text of a resolv.conf. What glibc passes over is passed over. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = []
  const options: string[] = []
  const ignored: string[] = []
  let search: readonly string[] = []
  for (const line of text.split('\n').slice(0, MAX_LINES)) {
    const [keyword = '', ...words] = line.trim().split(/\s+/)
    if (keyword === '' || /^[#;]/.test(keyword)) continue
    const address = addressIn(words[0] ?? '')
    if (keyword === 'nameserver' && address !== null) nameservers.push(address)
    else if (keyword === 'search') search = words.map(printable)
    else if (keyword === 'domain') search = words.slice(0, 1).map(printable)
    else if (keyword === 'options') options.push(...words.map(printable))
    else if (keyword !== 'sortlist' && ignored.length < MAX_IGNORED) {
      ignored.push(printable(line.trim().slice(0, 80)))
    }
  }
  return { nameservers, search, ndots: ndotsIn(options), options, ignored }
}

/**
 * Queries that looking up a name costs where only the name itself exists, with A and AAAA for each
 * candidate: the search list comes first for a name with fewer than `ndots` dots.
 */
export function queriesPerName(name: string, { search, ndots }: ResolvConf): number {
  const dots = name.split('.').length - 1
  const isFirst = dots >= ndots || name.endsWith('.')
  return 2 * (isFirst ? 1 : search.length + 1)
}

function addressIn(word: string): string | null {
  const host = isLinkLocalIPv6(word) ? word : word.replace(/%.*$/, '')
  return isIP(host) === 0 ? null : printable(host)
}

function ndotsIn(options: readonly string[]): number {
  const [last] = options.flatMap((word) => /^ndots:(\d{1,9})$/.exec(word)?.[1] ?? []).toReversed()
  return last === undefined ? 1 : Math.min(Number(last), MAX_NDOTS)
}
