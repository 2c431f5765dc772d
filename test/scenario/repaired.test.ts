// What others do to a node while dnslet runs is put back, said and counted; a freeze is survived.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { type NodeDnslet, NodeModel } from '../helpers/node-model/node-model.ts'
import { signal } from '../helpers/node-model/scenario.ts'
import { waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns

describe('interception', { skip: requireNodeModel() }, () => {
  test('is put back within seconds of a flush of all rules', async (t) => {
    const model = await NodeModel.create(t, { kubeProxy: 'nftables' })
    const dnslet = await model.startDnslet()
    assert.equal(await metric(model, 'dnslet_interception_active'), 1)
    assert.equal(await metric(model, 'dnslet_interception_repairs_total{of="rules"}'), 0)
    assert.equal((await model.exec('node', ['nft', 'flush', 'ruleset'])).code, 0)
    // The renewal of the lease finds out, long before the sync interval of a minute.
    await waitUntil('a word on it', () => /Added back: table inet dnslet/.test(dnslet.output()))
    await answeredByDnslet(model, dnslet)
    // A flush is one time, however many rules it took.
    assert.equal(await metric(model, 'dnslet_interception_repairs_total{of="rules"}'), 1)
    // kube-proxy's rules are gone for good: nobody but us has answered.
    assert.match(
      (await model.exec('node', ['nft', 'list', 'tables'])).output,
      /^table inet dnslet$/m,
    )
  })

  test('is put back within a sync interval where the interface was deleted', async (t) => {
    const model = await NodeModel.create(t)
    const dnslet = await model.startDnslet([...model.nodeCacheArgs(), '-syncinterval', '1s'])
    assert.equal((await model.exec('node', ['ip', 'link', 'delete', 'nodelocaldns'])).code, 0)
    await waitUntil('a word on it', () => /Added back: link nodelocaldns/.test(dnslet.output()))
    await answeredByDnslet(model, dnslet)
    assert.equal(await metric(model, 'dnslet_interception_repairs_total{of="interface"}'), 1)
  })

  test('goes on when dnslet was frozen for longer than its lease', async (t) => {
    const model = await NodeModel.create(t)
    const dnslet = await model.startDnslet()
    signal(dnslet.pid, 'SIGSTOP')
    // The lease lasts 3 s; the alarm that ends a process which hangs goes off after 4 s at the earliest.
    await delay(3_200)
    const { output } = await model.exec('node', ['nft', 'list', 'set', 'inet', 'dnslet', 'lease4'])
    signal(dnslet.pid, 'SIGCONT')
    assert.doesNotMatch(output, /elements/, 'the lease has run out')
    await answeredByDnslet(model, dnslet)
    assert.equal(await metric(model, 'dnslet_interception_active'), 1)
    assert.equal(dnslet.ended(), null)
  })
})

/** Waits until pod and node get their answers from dnslet, over UDP and TCP. */
async function answeredByDnslet(model: NodeModel, dnslet: NodeDnslet): Promise<void> {
  for (const place of ['pod', 'node'] as const) {
    for (const transport of ['+notcp', '+tcp']) {
      await waitUntil(
        `dnslet's answer to the ${place}, ${transport}`,
        async () => (await model.whoAnswers(place, VIP, transport)) === 'dnslet',
        dnslet,
      )
    }
  }
}

/** A series of the daemon's own metrics, NaN where it is not there. */
async function metric(model: NodeModel, series: string): Promise<number> {
  const script =
    "fetch('http://127.0.0.1:9353/metrics').then(async (r) => console.log(await r.text()))"
  const { output } = await model.exec('node', [process.execPath, '-e', script])
  const line = output.split('\n').find((one) => one.startsWith(`${series} `))
  return Number(line?.slice(series.length))
}
