import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Dnslet, startDnslet } from '../helpers/dnslet.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { type Owner, waitUntil } from '../helpers/processes.ts'
import { type HalfSilent, startHalfSilent } from './half-silent.ts'

/** The issue's own figures (DNSLET_HOSTILE=full), or few enough for the gate. */
export const full: boolean = process.env['DNSLET_HOSTILE'] === 'full'

/**
 * Queries of another client that may get lost: none, but where many suites share a processor the kernel
 * drops datagrams that nobody had the time to read.
 */
export function lossAllowed(asked: number): number {
  return full ? 0 : asked / 20
}

/** The memory limit of deploy/nodelocaldns.yaml, and what may be used of it, in bytes. */
const MANIFEST_LIMIT = 200 << 20
export const MOST_RESIDENT: number = 0.8 * MANIFEST_LIMIT

/** Bytes. */
interface Resident {
  readonly now: number
  readonly most: number
}

export interface UnderAttack {
  readonly dnslet: Dnslet
  readonly port: number
  readonly upstream: HalfSilent
  /** Bytes in memory now, and at most so far. */
  readonly resident: () => Resident
  /** The value of a metric without labels. */
  readonly metric: (name: string) => Promise<number>
}

/**
 * The built daemon with the heap that a memory limit gives it, the manifest's, in front of a `HalfSilent`.
 * @param block directives of its server block but `bind`; `UPSTREAM` stands for the upstream
 */
export async function startUnderAttack(
  owner: Owner,
  block: string,
  memory: number = MANIFEST_LIMIT,
): Promise<UnderAttack> {
  const upstream = await startHalfSilent(owner)
  const port = await freePort()
  const metrics = await freePort()
  const cgroup = join(temporaryFolder(owner), 'cgroup')
  mkdirSync(cgroup)
  writeFileSync(join(cgroup, 'memory.max'), `${memory}\n`)
  const at = `127.0.0.1:${upstream.port}`
  const dnslet = await startDnslet(
    owner,
    `.:${port} {\nbind 127.0.0.1\n${block.replace('UPSTREAM', at)}\n}\n`,
    {
      ready: { address: '127.0.0.1', port, name: 'ready.good.test' },
      args: ['-metrics-listen-address', `127.0.0.1:${metrics}`],
      env: { DNSLET_CGROUP: cgroup },
    },
  )
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
    const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? []
    if (value === undefined) throw new Error(`no metric ${name}`)
    return Number(value)
  }
  await waitUntil('metrics', () =>
    metric('dnslet_waiting_queries_limit').then(Boolean, () => false),
  )
  return { dnslet, port, upstream, metric, resident: () => residentOf(dnslet.process.pid) }
}

function residentOf(pid: number): Resident {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const of = (name: string): number =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  return { now: of('VmRSS'), most: of('VmHWM') }
}
