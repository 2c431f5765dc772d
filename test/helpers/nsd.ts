import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort } from './ports.ts'
import { answers } from './probe.ts'
import { type Owner, type Running, startProcess, waitUntil } from './processes.ts'

export interface NameServer {
  readonly address: string
  readonly port: number
  readonly process: Running
  readonly stop: () => Promise<void>
}

/** A folder that its owner's end removes. */
export function temporaryFolder(owner: Owner): string {
  const folder = mkdtempSync(join(tmpdir(), 'dnslet-'))
  owner.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Starts nsd, authoritative for `zones` (origin to zone file text), UDP and TCP, unprivileged.
 * Resolves once it answers.
 *
 * @param wanted its port; a free one where absent
 */
export async function startNsd(
  owner: Owner,
  zones: Readonly<Record<string, string>>,
  address = '127.0.0.1',
  wanted?: number,
): Promise<NameServer> {
  const folder = temporaryFolder(owner)
  const port = wanted ?? (await freePort(address))
  const file = writeNsdFiles(folder, [`${address}@${port}`], zones)
  const process = startProcess(owner, 'nsd', ['-d', '-c', file])
  const first = Object.keys(zones)[0] ?? '.'
  await waitUntil('nsd', () => answers(address, port, first), process)
  return { address, port, process, stop: process.stop }
}

/**
 * Writes what nsd needs into an empty folder; the path of its configuration.
 * @param listen `address@port`, for UDP and TCP each
 */
export function writeNsdFiles(
  folder: string,
  listen: readonly string[],
  zones: Readonly<Record<string, string>>,
): string {
  const origins = Object.keys(zones)
  origins.forEach((origin, i) => {
    writeFileSync(join(folder, `zone-${i}`), `$ORIGIN ${origin}\n${zones[origin]}\n`)
  })
  const file = join(folder, 'nsd.conf')
  writeFileSync(file, configuration(folder, listen, origins))
  return file
}

function configuration(
  folder: string,
  listen: readonly string[],
  origins: readonly string[],
): string {
  const zones = origins.map((origin, i) => `zone:\n  name: "${origin}"\n  zonefile: "zone-${i}"\n`)
  return `server:
${listen.map((address) => `  ip-address: ${address}\n`).join('')}  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "${folder}"
  database: ""
  pidfile: ""
  xfrdfile: ""
  xfrdir: "${folder}"
  zonelistfile: "${folder}/zones.list"
  minimal-responses: yes
  rrl-ratelimit: 0
  tcp-count: 1000
  receive-buffer-size: 4194304
remote-control:
  control-enable: no
${zones.join('')}`
}
