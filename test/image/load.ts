import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Owner, startProcess, waitUntil } from '../helpers/processes.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { onlyValue, say } from './checks.ts'
import type { Container } from './container.ts'
import type { NodeStandIn } from './node-stand-in.ts'
import { readStatus } from './process-status.ts'

const HITS = 1_000
/** More than can be asked for in time: no name comes twice. */
const MISSES = 1_500_000
const SECONDS = { hits: 8, misses: 20 }

/** dnsperf asks as fast as it goes, from the node; prints rate, CPU and memory of the daemon. */
export async function measureLoad(
  owner: Owner,
  node: NodeStandIn,
  container: Container,
  address: string,
): Promise<void> {
  const folder = temporaryFolder(owner)
  const file = (name: string, count: number, question: (i: number) => string): string => {
    const path = join(folder, name)
    writeFileSync(path, Array.from({ length: count }, (_, i) => `${question(i)} A\n`).join(''))
    return path
  }
  const memory = (): string => {
    const { rssMiB, anonMiB, peakRssMiB } = readStatus(container.pid)
    const charged = container.cgroup.peakMiB()
    return `RSS ${rssMiB} (at most ${peakRssMiB}, ${anonMiB} anonymous), charged at most ${charged} MiB`
  }
  say(`  idle: ${memory()}`)
  const hits = file('hits', HITS, (i) => `n${i}.load.svc.cluster.local`)
  // Every other name exists.
  const misses = file('misses', MISSES, (i) =>
    i % 2 === 0 ? `m${i}.load.svc.cluster.local` : `m${i}.none.svc.cluster.local`,
  )
  for (const [what, names, seconds] of [
    ['1,000 names', hits, SECONDS.hits],
    ['only misses', misses, SECONDS.misses],
  ] as const) {
    const before = onlyValue(node, 'process_cpu_seconds_total')
    const report = await dnsperf(owner, node, ['-s', address, '-d', names, '-l', String(seconds)])
    const cpu = onlyValue(node, 'process_cpu_seconds_total') - before
    const completed = Number(/Queries completed:\s+(\d+)/.exec(report)?.[1])
    const lost = Number(/Queries lost:\s+(\d+)/.exec(report)?.[1])
    assert.ok(completed > 0 && lost === 0, report)
    const each = ((cpu / completed) * 1e6).toFixed(1)
    const rate = Math.round(completed / seconds).toLocaleString('en')
    say(
      `  ${what}, ${seconds} s: ${rate} queries/s, none lost, ${each} µs of CPU for each; ${memory()}`,
    )
  }
  const held = onlyValue(node, 'dnslet_cache_bytes') / 2 ** 20
  const limit = onlyValue(node, 'dnslet_cache_limit_bytes') / 2 ** 20
  say(`  the caches hold ${held.toFixed(1)} MiB of the ${Math.round(limit)} they may`)
}

/** In the background: this process goes on reading what the daemon says. */
async function dnsperf(owner: Owner, node: NodeStandIn, args: readonly string[]): Promise<string> {
  const words = ['netns', 'exec', node.namespace, 'dnsperf', '-c', '20', ...args]
  const running = startProcess(owner, 'ip', words)
  await waitUntil('dnsperf', () => running.ended() !== null, undefined, 60)
  assert.equal(running.ended(), 0, running.output())
  return running.output()
}
