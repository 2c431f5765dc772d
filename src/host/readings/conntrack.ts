import { mapReading, readNumber, readText, type Reading } from './reading.ts'

/** The connection tracking table of this network namespace. */
export interface Conntrack {
  readonly count: Reading<number>
  readonly max: Reading<number>
  readonly buckets: Reading<number>
  /** Sums over the CPUs since boot, by the kernel's names: `insert_failed`, `drop`, `early_drop`, … */
  readonly statistics: Reading<ReadonlyMap<string, number>>
}

/** @param root in place of `/`, for tests */
export function readConntrack(root = '/'): Conntrack {
  const setting = (name: string): Reading<number> =>
    readNumber(`/proc/sys/net/netfilter/nf_conntrack_${name}`, root)
  return {
    count: setting('count'),
    max: setting('max'),
    buckets: setting('buckets'),
    statistics: mapReading(readText('/proc/net/stat/nf_conntrack', root), conntrackStatistics),
  }
}

/**
 * Sums of the columns of /proc/net/stat/nf_conntrack: a line of names, then one of hexadecimal numbers for
 * each CPU. `entries` is the same in each line and is not summed. Since Linux 5.10 the column that was
 * `searched` counts clashes that were resolved; it is given under the name of `nf_conntrack`'s netlink,
 * `clash_resolve`.
 */
export function conntrackStatistics(text: string): ReadonlyMap<string, number> {
  const [head = '', ...lines] = text.split('\n')
  const names = words(head).map((name) => (name === 'clashres' ? 'clash_resolve' : name))
  const sums = new Map<string, number>()
  for (const line of lines) {
    for (const [i, word] of words(line).entries()) {
      const name = names[i]
      const value = /^[0-9a-f]{1,8}$/i.test(word) ? Number.parseInt(word, 16) : 0
      if (name === undefined) break
      sums.set(name, name === 'entries' ? value : (sums.get(name) ?? 0) + value)
    }
  }
  return sums
}

function words(line: string): string[] {
  return line.trim().split(/\s+/).filter(Boolean)
}
