// The probes themselves: what they say of servers whose behaviour is known.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { inFull } from '../helpers/node-model/scenario.ts'
import { startProbe } from '../helpers/node-probe/start-probe.ts'

describe('probes', { skip: requireNodeModel() }, () => {
  for (const kind of [
    'udp-fresh',
    'udp-shared',
    'udp-connected',
    'tcp-fresh',
    'tcp-long',
  ] as const) {
    test(`${kind} counts every query, and who answered it`, async (t) => {
      const model = await NodeModel.create(t)
      const most = kind === 'tcp-fresh' ? 1000 : kind === 'udp-shared' ? 20_000 : 5000
      // A server that the scheduler keeps from 20,000 a second for 13 ms loses some.
      const rate = inFull(most, most / 5)
      const probe = await startProbe(model, 'pod', { kind, rate })
      await delay(1000)
      const report = await probe.stop()
      t.diagnostic(report.summary())
      assert.equal(report.failed, 0)
      assert.equal(report.answeredBy('kube-dns'), report.total)
      assert.ok(report.total > rate / 2, `${report.total} in a second`)
    })
  }
})
