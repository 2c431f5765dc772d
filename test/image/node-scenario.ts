import assert from 'node:assert/strict'

import { type Owner, waitUntil } from '../helpers/processes.ts'
import type { BuiltImage } from './build-image.ts'
import {
  ANSWER,
  becomesReady,
  checkAnswers,
  checkProcess,
  metric,
  NAME,
  onlyValue,
  say,
} from './checks.ts'
import {
  type Container,
  type ContainerParts,
  LOCAL,
  readManifest,
  startContainer,
} from './container.ts'
import { measureLoad } from './load.ts'
import { isAnswered, KUBE_DNS, type NodeStandIn, startNode } from './node-stand-in.ts'

const FILE = 'nodelocaldns.yaml'
export const ADDRESSES: readonly string[] = [LOCAL, KUBE_DNS]
const LINK = 'nodelocaldns'
const SIGKILLED = 137
/** The watchdog's exit code. */
const SIGALRM = 14
/** After so many failed self-checks, one each second, interception would have been suspended. */
const SETTLED_SECONDS = 6

type Start = (name: string, more?: Partial<ContainerParts>) => Promise<Container>

/** The life of nodelocaldns.yaml's pods on a node: killed, started again, replaced, ended. */
export async function runOnNode(owner: Owner, folder: string, image: BuiltImage): Promise<void> {
  const manifest = readManifest(FILE)
  const node = await startNode(owner, folder)
  const start: Start = (name, more = {}) =>
    startContainer(owner, { image, manifest, node, folder, name, ...more })
  say(`${FILE}:`)
  const first = await start('first')
  await becomesReady(node, LOCAL, first)
  checkAnswers(node, ADDRESSES)
  assert.equal(node.get(`http://${LOCAL}:8080/health`), 'OK')
  say(`  answers on ${ADDRESSES.join(' and ')} over UDP and TCP; /ready, /health and /metrics too`)
  checkProcess(first, { uid: 0, capabilities: ['NET_BIND_SERVICE', 'NET_ADMIN'] })
  checkInterception(node, first)
  await killed(node, first)
  const old = await start('old')
  await becomesReady(node, LOCAL, old)
  await measureLoad(owner, node, old, LOCAL)
  const young = await start('young')
  await replaced(node, old, young)
  await ended(node, young)
  await withoutTun(node, start)
}

/** A node without the device runs the pod, too: /dev/net is empty. */
async function withoutTun(node: NodeStandIn, start: Start): Promise<void> {
  const crashed = await start('crashed', { hasDevices: false })
  await becomesReady(node, LOCAL, crashed)
  const kind = interceptionKind(node)
  assert.match(kind, /^interface="(?:dummy|lo)",rules="nft"$/)
  const begun = onlyValue(node, 'process_start_time_seconds')
  const hasSettled = (): boolean => Date.now() / 1000 - begun > SETTLED_SECONDS
  await waitUntil('some self-checks', hasSettled, crashed.running)
  assert.equal(onlyValue(node, 'dnslet_interception_suspensions_total'), 0)
  assert.equal(node.get(`http://${LOCAL}:8080/health`), 'OK')
  const asked = (): number => sum(metric(node, 'coredns_dns_requests_total').values())
  const before = asked()
  checkAnswers(node, ADDRESSES, ['pod'])
  assert.equal(asked() - before, 2 * ADDRESSES.length)
  checkAnswers(node, ADDRESSES, ['node'])
  // As the watchdog does with a process that hangs.
  crashed.kill('ALRM')
  assert.equal(await crashed.end(), SIGALRM)
  const answered = (address: string): boolean =>
    isAnswered(() => node.dig('pod', '+time=1', `@${address}`, NAME))
  await waitUntil('kube-dns', () => ADDRESSES.every((address) => answered(address)))
  checkAnswers(node, ADDRESSES)
  say(`  without /dev/net/tun: ${kind}, answers pods on both addresses;`)
  say('  ended by the watchdog: exit code 14, kube-dns answers on both addresses')
  const stopped = await start('stopped', { hasDevices: false })
  await becomesReady(node, LOCAL, stopped)
  await ended(node, stopped)
}

const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0)

function interceptionKind(node: NodeStandIn): string {
  const [labels = '', ...more] = metric(node, 'dnslet_interception_info').keys()
  assert.deepEqual(more, [])
  return labels
}

export function checkInterception(node: NodeStandIn, { run }: Container): void {
  const link = node.run('ip', '-details', 'link', 'show', LINK)
  assert.match(link, /\btun type tun .*\bpersist off\b/)
  const rules = node.run('nft', 'list', 'ruleset')
  assert.match(rules, /notrack/)
  const kind = interceptionKind(node)
  assert.equal(kind, 'interface="tun",rules="nft"')
  assert.equal(onlyValue(node, 'dnslet_interception_active'), 1)
  say(`  interception: ${kind}, TUN ${LINK} and the rules are in the node's network namespace`)
  say(`  ${run('nft', '--version')}; ${run('iptables', '--version')}`)
}

const hasLink = (node: NodeStandIn): boolean =>
  node.run('ip', '-oneline', 'link').includes(`: ${LINK}:`)

async function killed(node: NodeStandIn, container: Container): Promise<void> {
  container.kill('KILL')
  const begun = performance.now()
  await waitUntil('the TUN to go', () => !hasLink(node))
  const ms = Math.ceil(performance.now() - begun)
  // The first question to each address: nothing is asked twice.
  checkAnswers(node, ADDRESSES)
  assert.equal(await container.end(), SIGKILLED)
  say(`  kill -9: the TUN is gone within ${ms} ms, and kube-dns answers on both addresses`)
}

/** A rolling update with a surge: two pods that share the node's network and /run/dnslet alone. */
export async function replaced(node: NodeStandIn, old: Container, young: Container): Promise<void> {
  const started = (): number => onlyValue(node, 'process_start_time_seconds')
  const before = started()
  let asked = 0
  const answering = (done: () => boolean) => (): boolean => {
    for (const address of ADDRESSES) {
      assert.equal(node.dig('pod', `@${address}`, NAME), ANSWER)
      asked++
    }
    assert.ok(hasLink(node), 'the TUN stays')
    return done()
  }
  const waits = (): boolean => old.running.output().includes('Waiting for SIGTERM')
  await waitUntil('the hand-over', answering(waits), young.running, 30)
  assert.equal(old.running.ended(), null, 'the old one waits for kubelet')
  await becomesReady(node, LOCAL, young)
  assert.ok(started() > before, '/metrics is the new one')
  assert.equal(node.get(`http://${LOCAL}:8080/health`), 'OK')
  old.kill('TERM')
  const begun = performance.now()
  assert.equal(await old.end(), 0, old.running.output())
  const seconds = (performance.now() - begun) / 1000
  assert.ok(seconds < 2, `it takes ${seconds} s`)
  answering(() => true)()
  checkAnswers(node, ADDRESSES)
  say(`  update with a surge: taken over, ${asked} of ${asked} queries answered meanwhile;`)
  say(
    `  /health and /metrics are the new one's; the old one ends ${seconds.toFixed(1)} s after SIGTERM, code 0`,
  )
}

export async function ended(node: NodeStandIn, container: Container): Promise<void> {
  container.kill('TERM')
  const begun = performance.now()
  assert.equal(await container.end(), 0, container.running.output())
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  assert.ok(!hasLink(node), 'the interface is gone')
  assert.ok(!node.run('ip', 'address').includes(LOCAL), 'the addresses are gone')
  assert.doesNotMatch(node.run('nft', 'list', 'ruleset'), /notrack/)
  assert.equal(node.dig('pod', `@${KUBE_DNS}`, NAME), ANSWER)
  say(`  SIGTERM: exit code 0 after ${seconds} s, interface and rules are gone, kube-dns answers`)
}
