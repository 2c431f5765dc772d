import type { MetricSpec } from '../../lib/metrics.ts'
import type { HostsFile } from './hosts-file.ts'
import type { HostTable } from './host-table.ts'

/** The entries of a block that serves. */
interface ServedHosts {
  readonly file: HostsFile
  readonly inline: HostTable
}

/** Those of all blocks that serve. */
export const served: Set<ServedHosts> = new Set<ServedHosts>()

/** The greatest value of the blocks with the same file: several may have other zones of it. */
function byFile(name: string, help: string, read: (hosts: ServedHosts) => number): MetricSpec {
  return {
    name,
    help,
    type: 'gauge',
    labels: ['hostsfile'],
    collect(emit) {
      const values = new Map<string, number>()
      for (const hosts of served) {
        const { path } = hosts.file
        values.set(path, Math.max(values.get(path) ?? 0, read(hosts)))
      }
      for (const [path, value] of values) emit([path], value)
    },
  }
}

export const metrics: readonly MetricSpec[] = [
  byFile(
    'coredns_hosts_entries',
    'Addresses and names to be answered with, of a hosts file and the Corefile together.',
    ({ file, inline }) => file.table.entries + inline.entries,
  ),
  byFile(
    'dnslet_hosts_file_unreadable',
    'Whether a hosts file cannot be read (1), and what it held last goes on.',
    ({ file }) => (file.unreadable ? 1 : 0),
  ),
]
