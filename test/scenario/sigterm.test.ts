// SIGTERM under load, without a successor: kube-dns takes over and no query is lost.
import assert from 'node:assert/strict'
import { type TestContext, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel, type Place } from '../helpers/node-model/node-model.ts'
import { inFull, signal } from '../helpers/node-model/scenario.ts'
import { type Probe, startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'
import { waitUntil } from '../helpers/processes.ts'

const UDP_RATE = inFull(20_000, 1_000)
const TCP_RATE = inFull(500, 100)
const TIMES = inFull(5, 1)

describe('SIGTERM under load', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'nftables'] as const) {
    for (const place of ['pod', 'node'] as const) {
      test(`${kubeProxy}, from the ${place}: no query and no new connection is lost`, async (t) => {
        const model = await NodeModel.create(t, { kubeProxy })
        const problems: string[] = []
        for (let i = 0; i < TIMES; i++) problems.push(...(await stopUnder(t, model, place)))
        assert.deepEqual(problems, [])
      })
    }
  }
})

/** One stop; what was wrong with it. */
async function stopUnder(t: TestContext, model: NodeModel, place: Place): Promise<string[]> {
  const dnslet = await model.startDnslet()
  const probes = await startProbes(model, place)
  await delay(1000)
  const told = signal(dnslet.pid, 'SIGTERM')
  await waitUntil('dnslet to exit', () => dnslet.ended() !== null, undefined, 30)
  assert.equal(dnslet.ended(), 0)
  await delay(500)
  return (await stopProbes(probes)).flatMap(({ probe, report }) => {
    t.diagnostic(`${probe.title}: ${report.summary(told)}`)
    // Resets of established connections are counted above.
    const lost = probe.kind === 'tcp-long' ? 0 : report.failed
    const wrong: [boolean, string][] = [
      [report.answeredBy('dnslet') === 0, 'dnslet answered nothing'],
      [report.answeredBy('kube-dns', told) === 0, 'nobody took over'],
      [lost > 0, `${lost} lost`],
    ]
    return wrong.filter(([isWrong]) => isWrong).map(([, what]) => `${probe.title}: ${what}`)
  })
}

function startProbes(model: NodeModel, place: Place): Promise<Probe[]> {
  return Promise.all([
    startProbe(model, place, { kind: 'udp-shared', rate: UDP_RATE }),
    startProbe(model, place, { kind: 'udp-fresh', rate: UDP_RATE / 20 }),
    startProbe(model, place, { kind: 'tcp-fresh', rate: TCP_RATE }),
    startProbe(model, place, { kind: 'tcp-long', rate: TCP_RATE }),
  ])
}
