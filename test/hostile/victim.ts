import { createSocket } from 'node:dgram'
import { readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { type Dnslet, startDnslet } from '../helpers/dnslet.ts'
import { startNsd, temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { type Owner, waitUntil } from '../helpers/processes.ts'
import { frame, query } from '../net/clients.ts'

/** Whether the figures of the issue are wanted instead of those that fit into the gate. */
export const full: boolean = process.env['DNSLET_HOSTILE'] === 'full'

/** The memory limit of deploy/nodelocaldns.yaml; a fifth of it is to stay free. */
const MANIFEST_MIB = 200
export const MOST_MIB: number = 0.8 * MANIFEST_MIB

/** Milliseconds until a client gives up: those of the kubelet where the machine is quiet. */
export const PATIENCE_MS: number = full ? 1_000 : 5_000

/** The machine's own address, from which the kubelet probes: also a process of its network namespace. */
export const NODE = '127.0.0.1'
/** Served beside 127.0.0.1, as a ClusterIP is beside the link-local address. */
export const SECOND = '127.0.0.4'
/** Addresses of the hostile pod and of a decent one. */
export const HOSTILE = '127.0.0.2'
export const DECENT = '127.0.0.3'

export interface Victim {
  readonly dnslet: Dnslet
  readonly port: number
  /** Where /metrics, /health and /ready are. */
  readonly http: number
  /** Resident memory in MiB: now, and at most so far. */
  rss(): number
  peak(): number
  /** The sum of a metric's series whose line contains `text`. */
  metric(name: string, text?: string): Promise<number>
}

/**
 * A daemon with a real upstream, `health`, `ready` and `prometheus` on one HTTP port.
 * @param health what is in the block of `health`
 */
export async function startVictim(
  owner: Owner,
  args: readonly string[] = [],
  health = '',
): Promise<Victim> {
  const nsd = await startNsd(owner, {
    'test.':
      '@ 3600 IN SOA ns hostmaster 1 7200 1800 86400 5\n@ 3600 IN NS ns\na 3600 IN A 192.0.2.1\n*.w IN A 192.0.2.2\n',
  })
  const [port, http] = [await freePort(), await freePort()]
  const dnslet = await startDnslet(
    owner,
    `.:${port} {
  bind 127.0.0.1 ${SECOND}
  health 127.0.0.1:${http}${health === '' ? '' : ` {\n    ${health}\n  }`}
  ready 127.0.0.1:${http}
  prometheus 127.0.0.1:${http}
  cache 30
  forward . 127.0.0.1:${nsd.port}
}
`,
    {
      ready: { address: '127.0.0.1', port, name: 'a.test' },
      args,
      // With the heap that the manifest's limit gives.
      env: { DNSLET_CGROUP: memoryLimit(owner) },
    },
  )
  await waitUntil('/ready', async () => (await probe(http, '/ready')) === 200, dnslet.process)
  return {
    dnslet,
    port,
    http,
    rss: () => mebibytes(dnslet.process.pid, 'VmRSS'),
    peak: () => mebibytes(dnslet.process.pid, 'VmHWM'),
    async metric(name, text = '') {
      const body = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text()
      const lines = body.split('\n').filter((line) => line.startsWith(name) && line.includes(text))
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
  }
}

function memoryLimit(owner: Owner): string {
  const folder = temporaryFolder(owner)
  writeFileSync(join(folder, 'memory.max'), `${MANIFEST_MIB * 2 ** 20}\n`)
  return folder
}

function mebibytes(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
}

/** The status of a GET on a connection of its own, as the kubelet's probes do; 0 where none came in `timeout` ms. */
export function probe(
  port: number,
  path: string,
  localAddress: string = DECENT,
  timeout: number = PATIENCE_MS,
): Promise<number> {
  return new Promise((resolve) => {
    const request = get({
      host: '127.0.0.1',
      port,
      path,
      localAddress,
      agent: false,
      timeout,
    })
    request.on('response', (response) => {
      response.resume().on('error', () => resolve(0))
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(0))
    request.on('close', () => resolve(0))
  })
}

/** Whether a query on a TCP connection of its own is answered in time. */
export function askTcp(port: number, localAddress: string = DECENT): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress, timeout: PATIENCE_MS })
    socket.on('error', () => {})
    socket.on('timeout', () => socket.destroy())
    socket.on('data', () => socket.destroy())
    socket.on('close', () => resolve(socket.bytesRead > 0))
    socket.write(frame(query({ name: 'a.test' })))
  })
}

/** Opens connections from `localAddress` that send `first` and then nothing; they end with the owner. */
export async function openIdle(
  owner: Owner,
  port: number,
  count: number,
  first: Buffer | null,
  localAddress: string = HOSTILE,
  host = '127.0.0.1',
): Promise<readonly Socket[]> {
  const sockets: Socket[] = []
  owner.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  for (let i = 0; i < count; i++) {
    const socket = connect({ host, port, localAddress })
    socket.on('error', () => {})
    socket.on('data', () => {})
    sockets.push(socket)
    if (first !== null) socket.write(first)
    if (i % 50 === 49) await delay(5)
  }
  await waitUntil('connections', () =>
    sockets.every(({ pending, destroyed }) => destroyed || !pending),
  )
  return sockets
}

/** What a decent client saw: milliseconds of each answer, in order of size, and queries without one. */
export interface Seen {
  readonly times: readonly number[]
  readonly lost: number
}

/** The time below which this part of the answers came. */
export function percentile({ times }: Seen, part: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Infinity
}

/** Asks over UDP a thousand times a second, for a name in the cache and for new ones in turn, until `attack` is over. */
export async function watch(port: number, attack: Promise<unknown>): Promise<Seen> {
  const socket = createSocket('udp4')
  const sent = new Map<number, number>()
  const times: number[] = []
  socket.on('message', (wire) => {
    const at = sent.get(wire.readUInt16BE(0))
    if (at === undefined) return
    sent.delete(wire.readUInt16BE(0))
    times.push(performance.now() - at)
  })
  await new Promise<void>((resolve) => socket.bind(0, DECENT, resolve))
  let over = false
  void attack.finally(() => (over = true))
  const began = performance.now()
  for (let n = 0; !over; await delay(1)) {
    for (; n < performance.now() - began; n++) {
      const id = n & 0xffff
      const name = n % 2 === 0 ? 'a.test' : `${began}-${n}.w.test`
      sent.set(id, performance.now())
      socket.send(query({ id, name }), port, '127.0.0.1')
    }
  }
  await delay(1000)
  socket.close()
  await attack
  return { times: times.toSorted((a, b) => a - b), lost: sent.size }
}
