import assert from 'node:assert/strict'

import { waitUntil } from '../helpers/processes.ts'
import type { Container } from './container.ts'
import { NODE_IP, type NodeStandIn } from './node-stand-in.ts'
import { readStatus } from './process-status.ts'

export const NAME = 'kubernetes.default.svc.cluster.local'
export const ANSWER = '10.96.0.1'

export const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Resolves once `/ready` says so, as the startup probe would see it. */
export async function becomesReady(
  node: NodeStandIn,
  http: string,
  { running }: Container,
): Promise<void> {
  await waitUntil('dnslet', () => isReady(node, http), running, 30)
}

function isReady(node: NodeStandIn, http: string): boolean {
  try {
    return node.get(`http://${http}:8181/ready`) === 'OK'
  } catch {
    // The address is not local yet, or nobody listens.
    return false
  }
}

/** Asks each address over UDP and TCP. */
export function checkAnswers(
  node: NodeStandIn,
  addresses: readonly string[],
  from: readonly ('node' | 'pod')[] = ['node', 'pod'],
): void {
  for (const client of from) {
    for (const address of addresses) {
      for (const transport of ['+notcp', '+tcp']) {
        const answer = node.dig(client, `@${address}`, transport, NAME)
        assert.equal(answer, ANSWER, `${client} asks ${address} ${transport}`)
      }
    }
  }
}

/** A metric of whichever process listens, series by series: its labels, as they are printed, to the value. */
export function metric(node: NodeStandIn, name: string): ReadonlyMap<string, number> {
  const lines = node.get(`http://${NODE_IP}:9253/metrics`).split('\n')
  const found = lines.flatMap((line) => {
    const [, metricName, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    return metricName === name ? [[labels, Number(value)] as const] : []
  })
  return new Map(found)
}

/** Of a metric that has one series. */
export function onlyValue(node: NodeStandIn, name: string): number {
  const [value, ...more] = metric(node, name).values()
  assert.ok(value !== undefined && more.length === 0, name)
  return value
}

interface Expected {
  readonly uid: number
  readonly capabilities: readonly string[]
}

/** What the kernel says the daemon may do, against the manifest. */
export function checkProcess({ pid }: Container, { uid, capabilities }: Expected): void {
  const status = readStatus(pid)
  assert.match(status.words[0] ?? '', /\bnode$/, 'Node.js itself is the first process')
  assert.equal(status.uid, uid)
  for (const set of ['CapBnd', 'CapEff', 'CapPrm']) {
    assert.deepEqual(status.capabilities[set], capabilities, set)
  }
  assert.deepEqual(status.capabilities['CapAmb'], [])
  assert.ok(status.noNewPrivileges && status.isFiltered && status.hasReadOnlyRoot)
  const heap = status.words.find((word) => word.startsWith('--max-old-space-size='))
  assert.equal(heap, '--max-old-space-size=50', 'a quarter of the memory limit')
  const effective = (status.capabilities['CapEff'] ?? []).join(' ') || 'none'
  say(`  uid ${status.uid}; CapEff: ${effective}; no new privileges, seccomp filter,`)
  say(`  read-only root; ${heap}; RSS ${status.rssMiB} MiB, ${status.anonMiB} of it anonymous`)
}
