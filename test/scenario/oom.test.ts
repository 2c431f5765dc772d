// The kernel kills dnslet because its cgroup is out of memory: as kill -9, at the kernel's own time.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses } from '../helpers/node-model/addresses.ts'
import { controlGroup, limits } from '../helpers/node-model/control-group.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { inFull, isFull } from '../helpers/node-model/scenario.ts'
import { monotonic } from '../helpers/node-probe/monotonic.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'
import { startProcess, waitUntil } from '../helpers/processes.ts'

const LIMIT = 256 << 20
const RATE = inFull(5000, 200)
const BOUND_MS = 20

describe('an OOM kill under load', { skip: requireNodeModel() }, () => {
  for (const place of ['pod', 'node'] as const) {
    test(`from the ${place}: kube-dns answers`, async (t) => {
      const model = await NodeModel.create(t)
      const group = controlGroup(model.owner, limits.memory(LIMIT))
      if (typeof group === 'string') return t.skip(group)
      const dnslet = await model.startDnslet(undefined, { wrapper: group.wrapper })
      const udp = await startProbe(model, place, { kind: 'udp-fresh', rate: RATE })
      const tcp = await startProbe(model, place, { kind: 'tcp-fresh', rate: RATE / 5 })
      await delay(500)
      // Files in a tmpfs count as memory of who writes them and cannot be reclaimed. The writer is
      // small, so that dnslet is the one to be killed.
      const hog = `/dev/shm/dnslet-oom-${process.pid}`
      model.owner.after(() => rmSync(hog, { force: true }))
      const [sh = '', ...args] = group.wrapper
      const writer = ['dd', 'if=/dev/zero', `of=${hog}`, 'bs=1M', `count=${LIMIT >> 20}`]
      startProcess(model.owner, sh, [...args, ...writer])
      await waitUntil('OOM kill', () => dnslet.ended() !== null)
      // Seen up to 20 ms late; the probes' own account has the moment.
      const seen = monotonic()
      assert.equal(dnslet.ended(), 'SIGKILL')
      await model.untilKubeDnsAnswers('node', addresses.ipv4.kubeDns)
      await delay(1000)
      for (const { probe, report } of await stopProbes([udp, tcp])) {
        t.diagnostic(`${probe.title}: ${report.summary(seen)}`)
        assert.ok(report.answeredBy('dnslet') > 0)
        assert.ok(report.firstAfter(seen, 'kube-dns') !== null, 'nobody took over')
        assert.equal(report.failedAfterTakeover(seen), 0, 'failed later')
        if (isFull) assert.ok(report.longestGap() <= BOUND_MS, `a gap of ${report.longestGap()} ms`)
      }
    })
  }
})
