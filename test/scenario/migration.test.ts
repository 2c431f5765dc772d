// From node-cache to dnslet with a surge: the new pod serves beside the old one, and when that ends, with
// its rules, its link and its sockets, clients do not notice.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses, LINK_LOCAL } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { signal } from '../helpers/node-model/scenario.ts'
import { startProbe, stopProbes } from '../helpers/node-probe/start-probe.ts'
import { type Running, waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns
const COMMENT = 'NodeLocal DNS Cache: skip conntrack'
const stand = join(import.meta.dirname, '../helpers/node-cache-main.ts')

/** One rule for each address and protocol, put in or taken out. */
function rules(verb: '-I' | '-D'): string {
  const lines = [LINK_LOCAL, VIP].flatMap((address) =>
    ['udp', 'tcp'].flatMap((protocol) => [
      `${verb} PREROUTING -p ${protocol} -d ${address} --dport 53 -j NOTRACK -m comment --comment "${COMMENT}"`,
      `${verb} OUTPUT -p ${protocol} -d ${address} --dport 53 -j NOTRACK -m comment --comment "${COMMENT}"`,
      `${verb} OUTPUT -p ${protocol} -s ${address} --sport 53 -j NOTRACK -m comment --comment "${COMMENT}"`,
    ]),
  )
  return ['*raw', ...lines, 'COMMIT', ''].join('\n')
}

/** The addresses are on lo: not every kernel has dummy links, and nothing else has its name. */
async function startNodeCache(model: NodeModel): Promise<Running> {
  for (const address of [LINK_LOCAL, VIP]) {
    await model.exec('node', ['ip', 'address', 'add', `${address}/32`, 'dev', 'lo'])
  }
  model.load(['iptables-nft-restore', '-n'], rules('-I'))
  const running = model.spawn('node', [process.execPath, stand, LINK_LOCAL, VIP])
  const answers = async (): Promise<boolean> =>
    (await model.askWho('pod', VIP, ['who']))[0]?.pod === 'node-cache'
  await waitUntil('node-cache', answers, running)
  return running
}

/** What it does at SIGTERM. Its link has the name of ours, which it deletes. */
async function endNodeCache(model: NodeModel, nodeCache: Running): Promise<void> {
  try {
    model.load(['iptables-nft-restore', '-n'], rules('-D'))
  } catch {
    // dnslet has removed them.
  }
  for (const address of [LINK_LOCAL, VIP]) {
    await model.exec('node', ['ip', 'address', 'del', `${address}/32`, 'dev', 'lo'])
  }
  await model.exec('node', ['ip', 'link', 'del', 'nodelocaldns'])
  signal(nodeCache.pid, 'SIGKILL')
}

describe('from node-cache', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'nftables'] as const) {
    test(`${kubeProxy}: dnslet starts beside it, and its end is not noticed`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      const nodeCache = await startNodeCache(model)
      const limits = { kind: 'udp-fresh', rate: 200, seconds: 60 } as const
      const probes = [
        await startProbe(model, 'pod', { ...limits, server: LINK_LOCAL }),
        await startProbe(model, 'node', { ...limits, server: LINK_LOCAL }),
        await startProbe(model, 'pod', { ...limits, server: VIP }),
      ]
      const dnslet = await model.startDnslet(undefined, { ready: false })
      await waitUntil('it intercepts', () => /are intercepted/.test(dnslet.output()), dnslet)
      assert.match(dnslet.output(), /Serving .* together with process \d+ .*it goes when/)
      const known = (): boolean => dnslet.output().includes('pods of kube-dns answer at')
      await waitUntil('it knows the pods', known, dnslet)
      assert.match((await model.exec('node', ['iptables-nft-save', '-t', 'raw'])).output, /^\*raw/m)
      await delay(1_000)
      await endNodeCache(model, nodeCache)
      const made = (): boolean => dnslet.output().includes('Added back: link nodelocaldns')
      await waitUntil('its link is there again', made, dnslet)
      await delay(500)
      for (const server of [LINK_LOCAL, VIP]) {
        assert.equal(await model.whoAnswers('pod', server), 'dnslet')
      }
      const reports = await stopProbes(probes)
      for (const { probe, report } of reports) {
        t.diagnostic(`${probe.title}: ${report.summary()}`)
        // What it had in its sockets when it was killed.
        assert.ok(report.failed <= 3, `${probe.title}: ${report.failed} lost`)
      }
      assert.doesNotMatch(dnslet.output(), /suspended|Unhealthy/)
      signal(dnslet.pid, 'SIGKILL')
      for (const place of ['pod', 'node'] as const) {
        await model.untilKubeDnsAnswers(place, VIP)
        await model.untilKubeDnsAnswers(place, LINK_LOCAL)
      }
    })
  }
})
