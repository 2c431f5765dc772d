// Pods of kube-dns come, die without a word and come back, under names that no cache knows: those that are new
// get their part of the queries, and nobody notices one that is dead.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { addresses, clusterOf } from '../helpers/node-model/addresses.ts'
import { kubeProxyNftables } from '../helpers/node-model/kube-proxy-nftables.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel, type Place } from '../helpers/node-model/node-model.ts'
import { inFull, isFull } from '../helpers/node-model/scenario.ts'
import { startMisses } from '../helpers/node-probe/misses.ts'
import { monotonic } from '../helpers/node-probe/monotonic.ts'
import { waitUntil } from '../helpers/processes.ts'

const PODS = 3
/** Queries upstream for each of the clients', at most. */
const ASKED_TWICE = 1.05
/** Milliseconds after which nothing is fresh: the official Corefile caps what is kept at 30 s. */
const EXPIRED_MS = 31_000
const places = Array.from({ length: PODS }, (_, pod): Place => `kube-dns-${pod}`)

describe('pods of kube-dns behind one address', { skip: requireNodeModel('curl') }, () => {
  test('one of three dies without a word: no query fails', async (t) => {
    const model = await start(t, PODS)
    const [before, dead] = inFull([10_000, 20_000], [500, 800])
    const over = startMisses(model, {
      rate: inFull(300, 100),
      seconds: (before + dead + inFull(10_000, 700)) / 1000,
      label: 'dead',
    })
    await delay(before)
    await cut(model, 'kube-dns-0', silent)
    await delay(dead)
    await mend(model, 'kube-dns-0')
    const misses = await over()
    t.diagnostic(`the longest took ${misses.longest().toFixed(0)} ms`)
    assert.equal(misses.failed(), 0)
    if (!isFull) return
    assert.ok(misses.longest() <= 300)
    assert.ok((await attempts(model)) <= ASKED_TWICE * misses.count)
  })

  test(
    'from one to three: each has its part, and nothing is lost',
    { skip: !isFull },
    async (t) => {
      const model = await start(t, 1)
      const over = startMisses(model, { rate: 150, seconds: 103, label: 'scaled' })
      await delay(5_000)
      const scaled = monotonic()
      scale(model, PODS)
      const misses = await over()
      const parts = misses.parts(scaled + 90_000, Infinity, PODS)
      t.diagnostic(`after 90 s: ${parts.map((part) => `${(100 * part).toFixed(0)} %`).join(', ')}`)
      for (const part of parts) assert.ok(part >= 0.2, parts.join())
      assert.equal(misses.failed(), 0)
      assert.ok((await attempts(model)) <= ASKED_TWICE * misses.count)
    },
  )

  for (const how of ['silent', 'scaled to 0'] as const) {
    test(`all of them ${how}, and back: answers within a second`, { skip: !isFull }, async (t) => {
      const model = await start(t, PODS)
      const over = startMisses(model, { rate: 100, seconds: 22, label: 'all' })
      await delay(4_000)
      if (how === 'silent') for (const place of places) await cut(model, place, silent)
      else scale(model, 0)
      await delay(12_000)
      if (how === 'silent') for (const place of places) await mend(model, place)
      else scale(model, PODS)
      const back = monotonic()
      const misses = await over()
      const first = misses.firstAnswer(back)
      t.diagnostic(`the first answer came after ${first.toFixed(0)} ms`)
      assert.ok(first <= 1_000)
      assert.equal(misses.failed(back), 0)
    })
  }

  test('restarted in turn: no query fails', { skip: !isFull }, async (t) => {
    const model = await start(t, PODS)
    const over = startMisses(model, { rate: 100, seconds: 26, label: 'turn' })
    await delay(4_000)
    for (const place of places) {
      await cut(model, place, refusing)
      await delay(2_000)
      await mend(model, place)
      await delay(4_000)
    }
    const misses = await over()
    t.diagnostic(`the longest took ${misses.longest().toFixed(0)} ms`)
    assert.equal(misses.failed(), 0)
    assert.ok(misses.longest() <= 300)
  })

  test('all of them silent: names that were known are answered', { skip: !isFull }, async (t) => {
    const model = await start(t, PODS)
    const known = { rate: 100, seconds: 3, label: 'known' }
    assert.equal((await startMisses(model, known)()).failed(), 0)
    await delay(EXPIRED_MS)
    for (const place of places) await cut(model, place, silent)
    const stale = await startMisses(model, known)()
    t.diagnostic(`the longest took ${stale.longest().toFixed(0)} ms`)
    assert.equal(stale.failed(), 0)
    assert.ok(stale.longest() <= 1_900)
  })
})

async function start(t: Parameters<typeof NodeModel.create>[0], pods: number): Promise<NodeModel> {
  const model = await NodeModel.create(t, { kubeProxy: 'nftables', kubeDnsPods: PODS })
  scale(model, pods)
  const dnslet = await model.startDnslet(undefined, { ready: false })
  const answers = async (): Promise<boolean> =>
    (await model.whoAnswers('pod', addresses.ipv4.kubeDns)) === 'dnslet'
  await waitUntil('dnslet', answers, dnslet, 30)
  return model
}

/** What kube-proxy does when the Services have so many pods. TCP connections stay where they are. */
function scale(model: NodeModel, pods: number): void {
  const rules = pods === 0 ? withoutPods : kubeProxyNftables(clusterOf('ipv4', pods))
  model.load(['nft', '-f', '-'], `delete table ip kube-proxy\n${rules}`)
  if (pods > 0) return
  const gone = ['-D', '-p', 'udp', '--orig-dst', addresses.ipv4.upstream]
  void model.exec('node', ['conntrack', ...gone])
}

/** Its connections break as well: pods that are gone have no address. */
const withoutPods = `table ip kube-proxy {
  chain out {
    type filter hook output priority 0
    ip daddr ${addresses.ipv4.upstream} reject with icmp port-unreachable
    ip daddr ${addresses.ipv4.kubeDnsPod(0)}/29 drop
  }
}
`

/** What becomes of a pod: its node is gone; or its server is, and connections are reset and refused. */
const silent = 'type filter hook prerouting priority -300; policy drop;'
const refusing = 'type filter hook input priority 0; tcp dport 1053 reject with tcp reset;'

async function cut(model: NodeModel, place: Place, how: string): Promise<void> {
  await nft(model, place, `add table ip gone { chain in { ${how} }; }`)
}

async function mend(model: NodeModel, place: Place): Promise<void> {
  await nft(model, place, 'delete table ip gone')
}

async function nft(model: NodeModel, place: Place, command: string): Promise<void> {
  const { code, output } = await model.exec(place, ['nft', command])
  assert.equal(code, 0, output)
}

/** Queries to the pods so far, those included that were asked again. */
async function attempts(model: NodeModel): Promise<number> {
  const { output } = await model.exec('node', ['curl', '-s', 'http://127.0.0.1:9253/metrics'])
  const counts = output.matchAll(
    /^dnslet_upstream_attempts_total\{.*to="10\.96\.0\.11:53".*\} (\d+)$/gm,
  )
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}
