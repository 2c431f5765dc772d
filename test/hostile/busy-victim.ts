import { readdirSync, readFileSync } from 'node:fs'

import { type Dnslet, startDnslet } from '../helpers/dnslet.ts'
import { startNsd } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { type Owner, waitUntil } from '../helpers/processes.ts'
import { askTcp, probe } from './victim.ts'

/** A daemon whose memory and descriptors are watched. */
export interface BusyVictim {
  readonly dnslet: Dnslet
  readonly port: number
  /** Where /metrics, /health and /ready are. */
  readonly http: number
  /** Resident memory in MiB. */
  rss(): number
  /** What of it is the process's own and no file's, which a leak would be. */
  own(): number
  /** Open file descriptors. */
  descriptors(): number
  /** The sum of a metric's series. */
  metric(name: string): Promise<number>
}

interface BusyOptions {
  /** Of the zone test. beside `a`. */
  readonly records: string
  /** Arguments and options of `cache`. */
  readonly cache?: string
  readonly env?: NodeJS.ProcessEnv
}

/** As `startVictim()`, with answers and a cache of the test's choice. */
export async function startBusyVictim(
  owner: Owner,
  { records, cache = '30', env = {} }: BusyOptions,
): Promise<BusyVictim> {
  const head = '@ 3600 IN SOA ns hostmaster 1 7200 1800 86400 5\n@ 3600 IN NS ns\n'
  const nsd = await startNsd(owner, { 'test.': `${head}a 3600 IN A 192.0.2.1\n${records}` })
  const [port, http] = [await freePort(), await freePort()]
  const corefile = `.:${port} {
  bind 127.0.0.1
  health 127.0.0.1:${http}
  ready 127.0.0.1:${http}
  prometheus 127.0.0.1:${http}
  cache ${cache}
  forward . 127.0.0.1:${nsd.port}
}
`
  const ready = { address: '127.0.0.1', port, name: 'a.test' }
  const dnslet = await startDnslet(owner, corefile, { ready, env })
  await waitUntil('/ready', async () => (await probe(http, '/ready')) === 200, dnslet.process)
  const { pid } = dnslet.process
  return {
    dnslet,
    port,
    http,
    rss: () => mebibytes(pid, 'VmRSS'),
    own: () => mebibytes(pid, 'RssAnon'),
    descriptors: () => readdirSync(`/proc/${pid}/fd`).length,
    async metric(name) {
      const body = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text()
      const lines = body.split('\n').filter((line) => line.startsWith(name))
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
  }
}

function mebibytes(pid: number, field: 'VmRSS' | 'RssAnon'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
}

/** Whether a query over TCP is answered: as a resolver asks, for 5 s at least and five times at most. */
export async function askTcpPatiently(port: number, from?: string): Promise<boolean> {
  const end = performance.now() + 5_000
  for (let i = 0; i < 5; i++) {
    if (await askTcp(port, from)) return true
    if (performance.now() > end) break
  }
  return false
}
