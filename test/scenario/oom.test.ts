// The kernel kills dnslet because its cgroup is out of memory: as kill -9, at the kernel's own time.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses } from '../helpers/node-model/addresses.ts'
import { type ControlGroup, controlGroup, limits } from '../helpers/node-model/control-group.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel, type Place } from '../helpers/node-model/node-model.ts'
import { inFull, isFull } from '../helpers/node-model/scenario.ts'
import { monotonic } from '../helpers/node-probe/monotonic.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'
import { startProcess, waitUntil } from '../helpers/processes.ts'

const LIMIT = 256 << 20
const RATE = inFull(5000, 200)
const KILLS = inFull(5, 1)
/** Between two answered queries: the median of each probe, and the worst of all. */
const MEDIAN_MS = 20
const WORST_MS = 50

describe('an OOM kill under load', { skip: requireNodeModel() }, () => {
  for (const place of ['pod', 'node'] as const) {
    test(`from the ${place}: kube-dns answers`, async (t) => {
      const model = await NodeModel.create(t)
      const group = controlGroup(model.owner, limits.memory(LIMIT))
      if (typeof group === 'string') return t.skip(group)
      // On a node /run is a tmpfs. On a disk the new directory would be a page that waits to be written, and what
      // takes memory in a cgroup of version 1 with only such pages to give back sleeps for 100 ms.
      const state = mkdtempSync('/dev/shm/dnslet-run-')
      model.owner.after(() => rmSync(state, { recursive: true, force: true }))
      const gaps = { udp: [] as number[], tcp: [] as number[] }
      for (let i = 0; i < KILLS; i++) {
        const [udp, tcp] = await killUnder(model, place, group, state, t)
        gaps.udp.push(udp!)
        gaps.tcp.push(tcp!)
      }
      if (!isFull) return
      for (const [kind, all] of Object.entries(gaps)) {
        const sorted = all.toSorted((a, b) => a - b)
        assert.ok(sorted[KILLS >> 1]! <= MEDIAN_MS, `${kind}: gaps of ${sorted.join(', ')} ms`)
        assert.ok(sorted.at(-1)! <= WORST_MS, `${kind}: gaps of ${sorted.join(', ')} ms`)
      }
    })
  }
})

/** One kill, seen by two probes: their longest gaps in ms, UDP first. */
async function killUnder(
  model: NodeModel,
  place: Place,
  group: ControlGroup,
  state: string,
  t: TestContext,
): Promise<readonly number[]> {
  const env = { DNSLET_STATE_DIR: state }
  const dnslet = await model.startDnslet(undefined, { wrapper: group.wrapper, env })
  const udp = await startProbe(model, place, { kind: 'udp-fresh', rate: RATE })
  const tcp = await startProbe(model, place, { kind: 'tcp-fresh', rate: RATE / 5 })
  await delay(500)
  // Files in a tmpfs count as memory of who writes them and cannot be reclaimed. The writer is small, so that
  // dnslet is the one to be killed, and gives way: on a node nobody stands at the limit who wants the processor.
  const hog = `/dev/shm/dnslet-oom-${process.pid}`
  model.owner.after(() => rmSync(hog, { force: true }))
  const [sh = '', ...args] = group.wrapper
  const writer = ['nice', '-n', '19', 'dd', 'if=/dev/zero', `of=${hog}`, 'bs=1M']
  const written = startProcess(model.owner, sh, [...args, ...writer, `count=${LIMIT >> 20}`])
  await waitUntil('OOM kill', () => dnslet.ended() !== null)
  // Seen up to 20 ms late; the probes' own account has the moment.
  const seen = monotonic()
  assert.equal(dnslet.ended(), 'SIGKILL')
  await model.untilKubeDnsAnswers('node', addresses.ipv4.kubeDns)
  await delay(1000)
  const reports = await stopProbes([udp, tcp])
  await waitUntil('the end of the writer', () => written.ended() !== null)
  rmSync(hog, { force: true })
  return reports.map(({ probe, report }) => {
    t.diagnostic(`${probe.title}: ${report.summary(seen)}`)
    assert.ok(report.answeredBy('dnslet') > 0)
    assert.ok(report.firstAfter(seen, 'kube-dns') !== null, 'nobody took over')
    assert.equal(report.failedAfterTakeover(seen), 0, 'failed later')
    return report.longestGap()
  })
}
