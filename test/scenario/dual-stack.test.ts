// IPv4 and IPv6 in one process: each family is served, and fails open.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { inFull, signal } from '../helpers/node-model/scenario.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'

const RATE = inFull(500, 50)

describe('dual stack', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'nftables'] as const) {
    test(`${kubeProxy}: both families are answered by dnslet, and by kube-dns after kill -9`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy, families: 'dual' })
      const dnslet = await model.startDnslet()
      for (const place of ['pod', 'node'] as const) {
        for (const family of ['ipv4', 'ipv6'] as const) {
          for (const transport of ['+notcp', '+tcp']) {
            const who = await model.whoAnswers(place, addresses[family].kubeDns, transport)
            assert.equal(who, 'dnslet', `${place} ${family} ${transport}`)
          }
        }
      }
      const probes = await Promise.all(
        (['pod', 'node'] as const).flatMap((place) =>
          (['udp-fresh', 'udp-connected', 'tcp-fresh'] as const).map((kind) =>
            startProbe(model, place, { kind, rate: RATE, server: addresses.ipv6.kubeDns }),
          ),
        ),
      )
      await delay(500)
      const killed = signal(dnslet.pid, 'SIGKILL')
      await model.untilKubeDnsAnswers('node', addresses.ipv6.kubeDns)
      await delay(1000)
      const reports = await stopProbes(probes)
      for (const { probe, report } of reports) {
        t.diagnostic(`IPv6 ${probe.title}: ${report.summary(killed)}`)
      }
      for (const { probe, report } of reports) {
        const what = probe.title
        assert.ok(report.answeredBy('dnslet', -Infinity, killed) > 0, `${what}: before`)
        assert.ok(report.answeredBy('kube-dns', killed) > 0, `${what}: nobody took over`)
        assert.equal(report.failedAfterTakeover(killed), 0, `${what}: failed later`)
      }
    })
  }
})
