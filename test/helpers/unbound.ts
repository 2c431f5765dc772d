import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type NameServer, temporaryFolder } from './nsd.ts'
import { freePort } from './ports.ts'
import { answers } from './probe.ts'
import { type Owner, startProcess, waitUntil } from './processes.ts'

/**
 * Starts unbound on a free port of `address`, unprivileged, without DNSSEC validation. `records`
 * are its local data (`www.example.com. 60 IN A 192.0.2.1`); lines of `more` are appended to its
 * configuration. It asks nobody unless `more` says so. Resolves once it answers.
 */
export async function startUnbound(
  owner: Owner,
  records: readonly string[],
  more: readonly string[] = [],
  address = '127.0.0.1',
): Promise<NameServer> {
  const folder = temporaryFolder(owner)
  const port = await freePort(address)
  const file = join(folder, 'unbound.conf')
  writeFileSync(file, configuration(folder, address, port, records, more))
  const process = startProcess(owner, 'unbound', ['-d', '-p', '-c', file])
  await waitUntil('unbound', () => answers(address, port, 'localhost'), process)
  return { address, port, process, stop: process.stop }
}

function configuration(
  folder: string,
  address: string,
  port: number,
  records: readonly string[],
  more: readonly string[],
): string {
  return `server:
  interface: ${address}@${port}
  access-control: 127.0.0.0/8 allow
  access-control: ::1 allow
  num-threads: 1
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  module-config: "iterator"
  do-not-query-localhost: no
  root-hints: ""
  local-zone: "." transparent
${records.map((record) => `  local-data: '${record}'\n`).join('')}remote-control:
  control-enable: no
${more.join('\n')}
`
}
