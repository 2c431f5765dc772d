// No TUN, and no dummy link either: the addresses are on lo. And rules that are somebody else's, of
// whom there is nobody. Queries that rightly go to kube-dns then say nothing against dnslet.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses, LINK_LOCAL } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { type NodeDnslet, NodeModel } from '../helpers/node-model/node-model.ts'
import { signal } from '../helpers/node-model/scenario.ts'
import { waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns
const HIDE_TUN = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', 'sh']

describe(
  'where queries of the node cannot all be led here',
  { skip: requireNodeModel(), concurrency: 2 },
  () => {
    for (const kubeProxy of ['iptables', 'nftables'] as const) {
      test(`${kubeProxy}: no TUN: pods are served, nothing flaps, and kube-dns answers after kill -9`, async (t) => {
        const model = await NodeModel.create(t, { kubeProxy })
        const dnslet = await model.startDnslet(undefined, { wrapper: HIDE_TUN, ready: false })
        const served = async (): Promise<boolean> =>
          (await model.whoAnswers('pod', VIP)) === 'dnslet'
        await waitUntil('pods to be served', served, dnslet)
        await assertSteady(dnslet)
        assert.ok(await served())
        signal(dnslet.pid, 'SIGKILL')
        for (const place of ['pod', 'node'] as const) await model.untilKubeDnsAnswers(place, VIP)
      })

      test(`${kubeProxy}: -setupiptables=false: nothing flaps`, async (t) => {
        const model = await NodeModel.create(t, { kubeProxy })
        const args = model
          .nodeCacheArgs()
          .map((arg) => arg.replace('setupiptables=true', 'setupiptables=false'))
        const dnslet = await model.startDnslet(args, { server: LINK_LOCAL })
        await assertSteady(dnslet)
        assert.match((await model.whoAnswers('pod', VIP)) ?? 'nobody', /^kube-dns-[01]$/)
      })
    }
  },
)

/** Three checks that fail suspend interception, and make the process unhealthy. */
async function assertSteady(dnslet: NodeDnslet): Promise<void> {
  await delay(4_500)
  assert.doesNotMatch(dnslet.output(), /suspended|Unhealthy|Self-check failed/)
}
