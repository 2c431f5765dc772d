// A dnslet beside one that hands over by another protocol: both serve until the old one is ended.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { otherVersion } from '../helpers/dnslet.ts'
import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'
import { waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns

describe('an update to another version', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'nftables'] as const) {
    test(`${kubeProxy}: starts beside the old one, and next to nothing is lost`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      const old = await model.startDnslet(undefined, { program: otherVersion(model.owner) })
      const probes = [
        await startProbe(model, 'pod', { kind: 'udp-fresh', rate: 200, seconds: 60 }),
        await startProbe(model, 'node', { kind: 'udp-shared', rate: 200, seconds: 60 }),
        await startProbe(model, 'pod', { kind: 'tcp-fresh', rate: 50, seconds: 60 }),
      ]
      const young = await model.startDnslet(undefined, { ready: false })
      await waitUntil('it intercepts', () => /are intercepted/.test(young.output()), young)
      assert.match(young.output(), /hands over by protocol 2, this one by 1: both serve/)
      assert.equal(old.ended(), null, 'it goes on')
      await old.stop()
      assert.equal(old.ended(), 0, old.output())
      // Interface and rules are in place all the time.
      for (const place of ['pod', 'node'] as const) {
        assert.equal(await model.whoAnswers(place, VIP), 'dnslet')
      }
      const reports = await stopProbes(probes)
      for (const { probe, report } of reports) {
        t.diagnostic(`${probe.title}: ${report.summary()}`)
        assert.equal(report.answeredBy('kube-dns'), 0, `${probe.title}: dnslet was bypassed`)
        // What the kernel has just put into a socket that the old one closes.
        assert.ok(report.failed <= 1, `${probe.title}: ${report.failed} lost`)
      }
      assert.equal(young.ended(), null, young.output())
    })
  }
})
