// A CPU limit as Kubernetes sets it, and load enough to reach it: dnslet is stopped for most of every
// period, and must still renew its lease. Else it would be taken for frozen just when it is busy.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { controlGroup, limits } from '../helpers/node-model/control-group.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { inFull } from '../helpers/node-model/scenario.ts'
import { startProbe } from '../helpers/node-probe/start-probe.ts'

/** Of one CPU. */
const PERCENT = 10
/** Takes about half of that, at 10 µs for each answer; starting up, all of it. */
const RATE = 5_000

describe('under a CPU quota', { skip: requireNodeModel() }, () => {
  test('dnslet keeps answering, and kube-dns is not asked', async (t) => {
    const model = await NodeModel.create(t)
    const group = controlGroup(model.owner, limits.cpu(PERCENT))
    if (typeof group === 'string') return t.skip(group)
    const dnslet = await model.startDnslet()
    const probe = await startProbe(model, 'pod', { kind: 'udp-shared', rate: RATE })
    await delay(500)
    group.add(dnslet.pid)
    await delay(inFull(20_000, 6_000))
    const report = await probe.stop()
    t.diagnostic(report.summary())
    assert.equal(dnslet.ended(), null, dnslet.output())
    assert.ok(report.answeredBy('dnslet') > 0)
    assert.equal(report.answeredBy('kube-dns'), 0, 'the lease ran out')
  })
})
