// kubespray's second DaemonSet: two that serve the same address for good, on ports of their own
// otherwise, each ended by SIGKILL and started again at any time. Neither takes over from the other.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses, LINK_LOCAL } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { type NodeDnslet, NodeModel } from '../helpers/node-model/node-model.ts'
import { officialCorefile } from '../helpers/node-model/official-corefile.ts'
import { inFull, isFull, signal } from '../helpers/node-model/scenario.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'
import { waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns
/** Restarts of each. In an hour kubelet, with its back-off of five minutes, makes a dozen. */
const ROUNDS = inFull(12, 1)
const HIDE_TUN = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', 'sh']
/** What says that something goes round in circles, or that it does not go at all. */
const TROUBLE = /suspended|Unhealthy|Self-check|Cannot serve|Taking over|Took over|Added back/

interface Variant {
  readonly name: string
  /** Whether both have the node's /run/dnslet; else each its own, which goes with the container. */
  readonly shared: boolean
  readonly tun: boolean
}

const variants: readonly Variant[] = [
  { name: 'with /run/dnslet and TUN', shared: true, tun: true },
  ...(isFull ? [{ name: 'by a swap of the image alone, with TUN', shared: false, tun: true }] : []),
  { name: 'by a swap of the image alone, without', shared: false, tun: false },
]

class Pair {
  readonly running: (NodeDnslet | null)[] = [null, null]
  /** What those had to say that are gone. */
  readonly said: string[] = []
  readonly #model: NodeModel
  readonly #variant: Variant
  #starts = 0

  constructor(model: NodeModel, variant: Variant) {
    this.#model = model
    this.#variant = variant
  }

  /** The primary is 0. A container that is started anew has nothing of the one before it. */
  async start(which: 0 | 1): Promise<NodeDnslet> {
    const model = this.#model
    const { shared, tun } = this.#variant
    const state = shared ? model.stateFolder : join(model.folder, `state-${this.#starts++}`)
    if (!existsSync(state)) mkdirSync(state, { mode: 0o700 })
    const corefile = officialCorefile(model.families)
      .replaceAll('health 169.254.20.10:8080', `health ${LINK_LOCAL}:925${4 + 2 * which}`)
      .replaceAll('prometheus :9253', `prometheus :925${3 + 2 * which}`)
    const args = [...model.nodeCacheArgs(), ...(which === 1 ? ['-skipteardown'] : [])]
    const dnslet = await model.startDnslet(args, {
      corefile,
      env: { DNSLET_STATE_DIR: state },
      ready: false,
      ...(tun ? {} : { wrapper: HIDE_TUN }),
    })
    this.running[which] = dnslet
    await waitUntil('it intercepts', () => /are intercepted/.test(dnslet.output()), dnslet)
    return dnslet
  }

  async kill(which: 0 | 1): Promise<void> {
    const dnslet = this.running[which]!
    signal(dnslet.pid, 'SIGKILL')
    await waitUntil('it to be gone', () => dnslet.ended() !== null)
    this.said.push(dnslet.output())
    this.running[which] = null
  }

  /** Everything that was said, but for the ends by SIGKILL. */
  output(): string {
    return [...this.said, ...this.running.map((one) => one?.output() ?? '')].join('\n')
  }
}

describe('two for the same addresses', { skip: requireNodeModel() }, () => {
  for (const variant of variants) {
    test(`${variant.name}: ${ROUNDS} restarts of each are not noticed`, async (t) => {
      const model = await NodeModel.create(t)
      const pair = new Pair(model, variant)
      await pair.start(0)
      await pair.start(1)
      const probes = [
        await startProbe(model, 'pod', { kind: 'udp-fresh', rate: 200, seconds: 600 }),
        await startProbe(model, 'pod', { kind: 'tcp-fresh', rate: 50, seconds: 600 }),
        await startProbe(model, 'node', { kind: 'udp-fresh', rate: 100, seconds: 600 }),
        await startProbe(model, 'pod', {
          kind: 'udp-fresh',
          rate: 100,
          seconds: 600,
          server: LINK_LOCAL,
        }),
      ]
      for (let round = 0; round < ROUNDS; round++) {
        for (const which of [0, 1] as const) {
          await pair.kill(which)
          await delay(500)
          await pair.start(which)
          // Long enough for checks that the other one answers to add up to a suspension.
          await delay(inFull(8_000, 2_000))
        }
      }
      const reports = await stopProbes(probes)
      for (const { probe, report } of reports) t.diagnostic(`${probe.title}: ${report.summary()}`)
      const troubles = pair
        .output()
        .split('\n')
        .filter((line) => TROUBLE.test(line))
      assert.deepEqual(troubles, [])
      for (const one of pair.running) assert.equal(one?.ended(), null)
      const kills = 2 * ROUNDS
      for (const { probe, report } of reports) {
        // What the killed process had read, or the kernel had put into its socket. Had it gone on for a
        // second, half of the queries of that would be lost.
        const most = inFull(2, 20) * kills
        assert.ok(report.failed <= most, `${probe.title}: ${report.failed} lost`)
      }
      // One of the two that ends in order leaves rules and interface to the other.
      await pair.running[0]!.stop()
      assert.equal(pair.running[0]!.ended(), 0)
      for (const place of ['pod', 'node'] as const) {
        if (place === 'node' && !variant.tun) continue
        assert.equal(await model.whoAnswers(place, VIP), 'dnslet')
      }
      await pair.kill(1)
      for (const place of ['pod', 'node'] as const) await model.untilKubeDnsAnswers(place, VIP)
      if (variant.shared) assert.ok(statSync(model.stateFolder).isDirectory())
    })
  }
})
