import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Endpoint, joinHostPort } from '../../src/lib/address.ts'
import { type Running, waitUntil } from '../../test/helpers/processes.ts'
import type { Place, Spot } from './place.ts'
import { clusterZoneText } from './zone.ts'

const main = join(import.meta.dirname, 'kube-dns-main.ts')
/** Between the end of a pod's server and the start of the next, ms. */
const RESTART_MS = 2_000

/** What the servers behind were asked. */
export interface Asked {
  readonly udp: number
  readonly tcp: number
}

/** The kube-dns pods of a place, and the name server beyond the cluster. */
export class KubeDns {
  restarts = 0
  readonly #place: Place
  readonly #command: string | null
  /** The pods in their order. */
  readonly #pods: Running[] = []
  #outside: Running | null = null
  /** The pod that is not there at the moment. */
  #down: Running | null = null
  /** Whether its place is about to go: nothing is started any more. */
  #closed = false
  /** Of servers that have ended. */
  #before: Asked = { udp: 0, tcp: 0 }

  /** @param command what runs in the pods, for `sh`; null: the stand-in */
  constructor(place: Place, command: string | null) {
    this.#place = place
    this.#command = command
    place.owner.after(() => {
      this.#closed = true
    })
  }

  async start(): Promise<void> {
    const { outside, pods } = this.#place
    this.#outside = this.#standIn('outside', 'outside', outside)
    pods.forEach((_, i) => this.#pods.push(this.#startPod(i)))
    await Promise.all([...this.#pods, this.#outside].map((one) => this.#isReady(one)))
  }

  /** All that ought to run, to be looked after. */
  running(): Running[] {
    const all = this.#outside === null ? this.#pods : [...this.#pods, this.#outside]
    return all.filter((one) => one !== this.#down)
  }

  /** What the pods were asked so far; of a real CoreDNS nothing is known. */
  asked(): Asked {
    const up = this.#pods.filter((one) => one !== this.#down)
    return up.map(countsOf).reduce(sum, this.#before)
  }

  /** Ends a pod's server, every second time without giving it a chance to, and starts another two seconds later. */
  async restart(): Promise<void> {
    const i = this.restarts % this.#pods.length
    const old = this.#pods[i]!
    this.#down = old
    const isKilled = this.restarts++ % 2 === 1
    if (isKilled && old.ended() === null) process.kill(old.pid, 'SIGKILL')
    await old.stop()
    this.#before = sum(this.#before, countsOf(old))
    await new Promise((resolve) => setTimeout(resolve, RESTART_MS))
    if (this.#closed) return
    this.#pods[i] = this.#startPod(i)
    this.#down = null
  }

  #startPod(i: number): Running {
    const { folder, outside, pods } = this.#place
    const pod = pods[i]!
    const command = this.#command
    if (command === null) return this.#standIn(`kube-dns-${i}`, String(i), pod)
    const home = join(folder, `kube-dns-${i}`)
    mkdirSync(home, { recursive: true })
    const zone = join(home, 'cluster.zone')
    const corefile = join(home, 'Corefile')
    writeFileSync(zone, clusterZoneText())
    writeFileSync(
      corefile,
      `.:${pod.port} {
    bind ${pod.host}
    file ${zone} cluster.local
    forward . ${joinHostPort(outside.host, outside.port)}
}
`,
    )
    return this.#place.spawn(`kube-dns-${i}`, ['sh', '-c', `exec ${command}`], {
      ...process.env,
      SOAK_COREFILE: corefile,
    })
  }

  #standIn(spot: Spot, who: string, { host, port }: Endpoint): Running {
    return this.#place.spawn(spot, [process.execPath, main, who, host, String(port)])
  }

  async #isReady(one: Running): Promise<void> {
    // A real one says nothing of the kind; the client waits until it is answered.
    if (this.#command !== null && one !== this.#outside) return
    await waitUntil('kube-dns', () => one.output().includes('ready\n'), one)
  }
}

function sum(a: Asked, b: Asked): Asked {
  return { udp: a.udp + b.udp, tcp: a.tcp + b.tcp }
}

/** What the last whole line of a stand-in says. */
function countsOf(pod: Running): Asked {
  const lines = [...pod.output().matchAll(/^\{.*"udpQueries":(\d+),"tcpQueries":(\d+).*\}$/gm)]
  const [, udp, tcp] = lines.at(-1) ?? []
  return { udp: Number(udp ?? 0), tcp: Number(tcp ?? 0) }
}
