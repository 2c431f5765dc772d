// A process of the host keeps one connected UDP socket for good. Its source address is dnslet's own
// (network.md: pitfall P4), and still every way to go must leave it answered.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { inFull, signal } from '../helpers/node-model/scenario.ts'
import { monotonic } from '../helpers/node-probe/monotonic.ts'
import { startProbe } from '../helpers/node-probe/start-probe.ts'
import { waitUntil } from '../helpers/processes.ts'

const RATE = inFull(1000, 100)

describe(
  'a long-lived connected socket of the host',
  { skip: requireNodeModel(), concurrency: inFull(1, 2) },
  () => {
    for (const kubeProxy of ['iptables', 'nftables'] as const) {
      test(`${kubeProxy}: answered before, during and after kill -9, SIGSTOP and SIGTERM`, async (t) => {
        const model = await NodeModel.create(t, { kubeProxy })
        let dnslet = await model.startDnslet()
        const probe = await startProbe(model, 'node', {
          kind: 'udp-connected',
          connections: 1,
          rate: RATE,
          seconds: 60,
        })
        await delay(500)
        const killed = signal(dnslet.pid, 'SIGKILL')
        await model.untilKubeDnsAnswers('node', addresses.ipv4.kubeDns)
        const taken = monotonic()
        await delay(1000)
        dnslet = await model.startDnslet()
        const back = monotonic()
        await delay(500)
        const stopped = signal(dnslet.pid, 'SIGSTOP')
        await delay(5000)
        const continued = signal(dnslet.pid, 'SIGCONT')
        await delay(500)
        // Its alarm may have gone off.
        if (dnslet.ended() !== null) dnslet = await model.startDnslet()
        const again = monotonic()
        await delay(500)
        const told = signal(dnslet.pid, 'SIGTERM')
        await waitUntil('dnslet to exit', () => dnslet.ended() !== null, undefined, 30)
        await delay(500)
        const report = await probe.stop()
        t.diagnostic(report.summary(killed))
        const by = (side: 'dnslet' | 'kube-dns', from: number, to?: number): boolean =>
          report.answeredBy(side, from, to) > 0
        const failed = (from: number, to: number): number => report.failedBetween(from, to)
        assert.ok(by('dnslet', -Infinity, killed), 'before kill -9')
        assert.ok(by('kube-dns', killed, back), 'after kill -9')
        assert.equal(failed(taken + 500, stopped - 100), 0, 'failed after kill -9')
        assert.ok(by('dnslet', back, stopped), 'after the new start')
        assert.ok(by('kube-dns', stopped, continued), 'while frozen')
        assert.equal(failed(continued + 500, Infinity), 0, 'failed after SIGCONT or SIGTERM')
        assert.ok(by('dnslet', again, told), 'before SIGTERM')
        assert.ok(by('kube-dns', told), 'after SIGTERM')
      })
    }
  },
)
