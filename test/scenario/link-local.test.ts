// 169.254.20.10 has no Service behind it. While dnslet is gone, its own rules lead to the pods.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses, LINK_LOCAL } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { signal } from '../helpers/node-model/scenario.ts'
import { startProbe } from '../helpers/node-probe/start-probe.ts'
import { waitUntil } from '../helpers/processes.ts'
import { stateFile } from '../helpers/state.ts'

describe('the link-local address', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'nftables'] as const) {
    test(`${kubeProxy}: answered by kube-dns pods while dnslet is dead, frozen or stopped`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      const answered = (side: RegExp): Promise<void> =>
        waitUntil(`an answer by ${side}`, async () => {
          for (const place of ['pod', 'node'] as const) {
            for (const transport of ['+notcp', '+tcp']) {
              const who = await model.whoAnswers(place, LINK_LOCAL, transport)
              if (!side.test(who ?? 'nobody')) return false
            }
          }
          return true
        })
      let dnslet = await model.startDnslet(undefined, { server: LINK_LOCAL })
      await answered(/^dnslet$/)
      // It has to learn the pods' addresses from DNS first; they are named in kube-dns-pods.
      const pods = [0, 1].map((index) => addresses.ipv4.kubeDnsPod(index))
      await waitUntil('the fallback', async () => {
        const { output } = await model.exec('node', ['nft', 'list', 'table', 'inet', 'dnslet'])
        return pods.every((pod) => output.includes(`dnat ip to ${pod}:53`))
      })
      const kept = readFileSync(stateFile(model.stateFolder, 'kube-dns-pods.json')!, 'utf8')
      assert.deepEqual(JSON.parse(kept), pods)
      const probe = await startProbe(model, 'pod', {
        kind: 'udp-fresh',
        rate: 200,
        server: LINK_LOCAL,
      })
      await delay(300)
      const killed = signal(dnslet.pid, 'SIGKILL')
      await answered(/^kube-dns-/)
      const report = await probe.stop()
      t.diagnostic(report.summary(killed))
      assert.equal(report.failedAfterTakeover(killed), 0)

      dnslet = await model.startDnslet(undefined, { server: LINK_LOCAL })
      signal(dnslet.pid, 'SIGSTOP')
      await answered(/^kube-dns-/)
      signal(dnslet.pid, 'SIGKILL')
      await waitUntil('dnslet to be gone', () => dnslet.ended() !== null)

      dnslet = await model.startDnslet(undefined, { server: LINK_LOCAL })
      signal(dnslet.pid, 'SIGTERM')
      await waitUntil('dnslet to exit', () => dnslet.ended() !== null, undefined, 30)
      await answered(/^kube-dns-/)
    })
  }
})
