import { readFileSync, readdirSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { Owner, Running } from '../../test/helpers/processes.ts'
import { waitUntil } from '../../test/helpers/processes.ts'
import { readCpuTime, readMemory } from '../proc.ts'
import type { ClientOptions, ClientReport } from './client-report.ts'
import { KubeDns } from './kube-dns.ts'
import { loopbackPlace, PORTS_EACH } from './loopback-place.ts'
import { nodePlace } from './node-place.ts'
import type { SoakOptions } from './options.ts'
import type { Place } from './place.ts'
import type { Look, SoakResult } from './result.ts'
import { Reloads } from './reloads.ts'
import { type SoakServer, startServer } from './servers.ts'

const clientMain = join(import.meta.dirname, 'client-main.ts')
const START_SECONDS = 40
/** Time for the last answers, and for the metrics. */
const END_SECONDS = 20
/** Rows of a report's course at most. */
const MOST_ROWS = 30

/** One server with all that belongs to it. */
interface Stand {
  readonly place: Place
  readonly kubeDns: KubeDns
  readonly server: SoakServer
  readonly client: Running
  readonly output: string
  readonly reloads: Reloads
  readonly looks: Look[]
}

/**
 * Asks all servers for as long as the options say, edits Corefiles and restarts pods meanwhile. Throws Error where a
 * program of it ends, with its output. Everything it started ends with its owner.
 *
 * @param stop ends it early: the result has what there was so far
 * @param progress gets a line for each step
 */
export async function soak(
  owner: Owner,
  options: SoakOptions,
  inNode: boolean,
  stop: AbortSignal,
  progress: (line: string) => void,
): Promise<SoakResult> {
  const stands: Stand[] = []
  for (const [i, name] of options.servers.entries()) {
    stop.throwIfAborted()
    const port = options.basePort + i * PORTS_EACH
    const place = inNode ? await nodePlace(owner) : loopbackPlace(owner, port)
    stands.push(await openStand(place, name, options))
    progress(`${name} answers`)
  }
  const startedAt = new Date().toISOString()
  const start = performance.now()
  const machine = new Machine(stands)
  for (const { client, server } of stands) {
    check(`client of ${server.name}`, client)
    process.kill(client.pid, 'SIGUSR2')
  }
  await play(stands, options, start, stop, progress)
  const seconds = (performance.now() - start) / 1000
  const used = machine.used()
  for (const { client } of stands) if (client.ended() === null) process.kill(client.pid, 'SIGTERM')
  const servers = await Promise.all(
    stands.map(async ({ client, kubeDns, looks, output, reloads, server }) => {
      await waitUntil(
        `client of ${server.name}`,
        () => client.ended() !== null,
        undefined,
        END_SECONDS,
      )
      if (client.ended() !== 0) throw new Error(`client of ${server.name}: ${client.output()}`)
      return {
        name: server.name,
        client: JSON.parse(readFileSync(output, 'utf8')) as ClientReport,
        looks,
        reloads: server.edit === null ? null : reloads.figures(),
        restarts: kubeDns.restarts,
        upstream: kubeDns.asked(),
      }
    }),
  )
  const { rate, reloadEvery, restartEvery } = options
  return {
    startedAt,
    seconds: stop.aborted ? seconds : options.seconds,
    interrupted: stop.aborted,
    rate,
    reloadEvery,
    restartEvery,
    where: stands[0]?.place.describe ?? '',
    machine: used,
    servers,
  }
}

async function openStand(place: Place, name: string, options: SoakOptions): Promise<Stand> {
  const { peers, rate, reloadEvery, seconds, seed } = options
  const kubeDns = new KubeDns(place, options.upstream)
  await kubeDns.start()
  // Within a quarter of the time that an edition lasts, half of it for jitter.
  const reloadSeconds = Math.min(30, Math.max(2, Math.floor(reloadEvery / 4)))
  const server = await startServer(name, peers, place, reloadSeconds)
  const told: ClientOptions = {
    server: server.address,
    from: place.clients,
    rate,
    seconds,
    intervalSeconds: stretchSeconds(seconds),
    seed,
    metrics: server.metrics,
  }
  const output = join(place.folder, 'client.json')
  const argv = [process.execPath, clientMain, JSON.stringify(told), output]
  const client = place.spawn('clients', argv)
  const isReady = (): boolean => {
    check(server.name, server.running)
    return client.output().includes('ready\n')
  }
  await waitUntil(`client of ${name}`, isReady, client, START_SECONDS)
  return { place, kubeDns, server, client, output, reloads: new Reloads(server), looks: [] }
}

/** Whole minutes, as many rows as a page has room for; less in a short run. */
function stretchSeconds(seconds: number): number {
  if (seconds < 120) return 10
  return 60 * Math.ceil(seconds / 60 / MOST_ROWS)
}

/** Everything that happens while the clients ask. */
async function play(
  stands: readonly Stand[],
  options: SoakOptions,
  start: number,
  stop: AbortSignal,
  progress: (line: string) => void,
): Promise<void> {
  const { reloadEvery, restartEvery, seconds } = options
  const every = seconds < 120 ? 1 : 5
  const restarting = new Set<Promise<void>>()
  // Pods are restarted midway between two reloads: who fails is to be told apart.
  let [nextReload, nextRestart] = [reloadEvery, reloadEvery / 2]
  for (let second = 0; second < seconds && !stop.aborted; second += every) {
    for (const stand of stands) look(stand, start)
    // An edition that the end would cut off is not written, and no pod left away.
    if (second >= nextReload && second + reloadEvery <= seconds) {
      nextReload += reloadEvery
      for (const { reloads } of stands) reloads.write()
      progress(`${second} s: Corefile changed`)
    }
    if (second >= nextRestart && second + restartEvery / 2 <= seconds) {
      nextRestart += restartEvery
      for (const { kubeDns } of stands) restarting.add(kubeDns.restart())
      progress(`${second} s: kube-dns pod restarted`)
    }
    await delay(start + (second + every) * 1000 - performance.now(), undefined, {
      signal: stop,
    }).catch(() => {})
  }
  await Promise.all(restarting)
  for (const stand of stands) look(stand, start)
}

/** Notes what a server takes up. Throws Error where it, or what it needs, has ended. */
function look({ client, kubeDns, looks, reloads, server }: Stand, start: number): void {
  const { pid } = server.running
  check(server.name, server.running)
  for (const one of kubeDns.running()) check('kube-dns', one)
  if (client.ended() !== null && client.ended() !== 0) check(`client of ${server.name}`, client)
  reloads.count()
  looks.push({
    second: (performance.now() - start) / 1000,
    cpu: readCpuTime(pid).nanoseconds,
    waited: Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]),
    ...readMemory(pid),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  })
}

function check(name: string, running: Running): void {
  if (running.ended() === null) return
  throw new Error(`Cannot go on: ${name} ended with ${running.ended()}\n${running.output().trim()}`)
}

/** How busy the machine was, and by whom. */
class Machine {
  readonly #stands: readonly Stand[]
  readonly #before: ReturnType<typeof allCores>
  readonly #own: number

  constructor(stands: readonly Stand[]) {
    this.#stands = stands
    this.#before = allCores()
    this.#own = this.#ownSeconds()
  }

  used(): SoakResult['machine'] {
    const now = allCores()
    const total = now.total - this.#before.total
    // What restarted pods used before their end is not in it.
    const own = (this.#ownSeconds() - this.#own) * 1000
    return {
      busy: (now.busy - this.#before.busy) / total,
      own: Math.max(0, own) / total,
      cores: availableParallelism(),
    }
  }

  #ownSeconds(): number {
    const running = this.#stands.flatMap(({ client, kubeDns, server }) => {
      return [client, server.running, ...kubeDns.running()]
    })
    const alive = running.filter((one) => one.ended() === null)
    return alive.reduce((sum, { pid }) => sum + readCpuTime(pid).nanoseconds / 1e9, 0)
  }
}

/** Milliseconds since the start of the machine, all cores together. */
function allCores(): { readonly busy: number; readonly total: number } {
  let [busy, total] = [0, 0]
  for (const { times } of cpus()) {
    const used = times.user + times.nice + times.sys + times.irq
    busy += used
    total += used + times.idle
  }
  return { busy, total }
}
