// The comparison of docs/five-seconds.md: `npm run five-seconds -- --help`.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { renderReport } from '../../src/commands/bench/report/index.ts'
import { textReport } from '../../src/commands/bench/text-report.ts'
import type { BenchResult } from '../../src/load/result.ts'
import { bin } from '../../test/helpers/dnslet.ts'
import { addresses, LINK_LOCAL } from '../../test/helpers/node-model/addresses.ts'
import { requireNodeModel } from '../../test/helpers/node-model/needs.ts'
import { NodeModel } from '../../test/helpers/node-model/node-model.ts'
import { startSlowServers } from '../../test/helpers/node-race/race.ts'
import { waitUntil } from '../../test/helpers/processes.ts'
import { addSecondQueue, conntrackCounters } from './two-queues.ts'

const CLIENTS = ['glibc', 'system', 'musl', 'reopen', 'serial', 'tcp', 'go', 'raw']
const WAYS = { direct: addresses.ipv4.kubeDns, dnslet: LINK_LOCAL } as const
type Way = keyof typeof WAYS
const DELAYS_MS = [1_100, 1_300, 1_500]
const NAMES = 50
const COUNTERS = ['insert_failed', 'clash_resolve', 'drop']

const usage = `Usage: npm run five-seconds -- [options]

  --client NAME   a client of dnslet bench; may be repeated (${CLIENTS.join(', ')})
  --way NAME      direct, by kube-proxy's DNAT, or dnslet; may be repeated (both)
  --seconds N     of each run (30)
  --queues N      that the pod's queries are read from, 1 or 2 (2)
  --folder PATH   where each run's JSON is kept, and the report of all that are there (.five-seconds)
  --help`

const { values } = parseArgs({
  options: {
    client: { type: 'string', multiple: true, default: CLIENTS },
    way: { type: 'string', multiple: true, default: Object.keys(WAYS) },
    seconds: { type: 'string', default: '30' },
    queues: { type: 'string', default: '2' },
    folder: { type: 'string', default: '.five-seconds' },
    help: { type: 'boolean', default: false },
  },
})

/** A run as it is kept. */
interface Kept {
  readonly result: BenchResult
  readonly conntrack: Readonly<Record<string, number>>
}

// What was started ends with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const problem = problemOf()
if (values.help) console.log(usage)
else if (problem !== null) {
  console.error(problem)
  process.exitCode = 2
} else {
  mkdirSync(values.folder, { recursive: true })
  await measure()
  report()
}

/** Why it cannot be measured; null where it can. */
function problemOf(): string | null {
  const unknown = [
    ...values.client.filter((client) => !CLIENTS.includes(client)),
    ...values.way.filter((way) => !Object.hasOwn(WAYS, way)),
  ]
  if (unknown.length > 0) return `Cannot measure ${unknown.join(', ')}: see --help`
  if (!/^[1-9]\d{0,3}$/.test(values.seconds)) {
    return `Cannot measure for "${values.seconds}" seconds: 1 to 9,999 may be named`
  }
  if (!/^[12]$/.test(values.queues)) return `Cannot give the pod "${values.queues}" queues: 1 or 2`
  const reason = requireNodeModel('conntrack')
  return reason === false ? null : `Cannot build a node: ${reason}`
}

/** Runs what was asked for, one after the other, on a node of its own. */
async function measure(): Promise<void> {
  const ends: (() => Promise<void> | void)[] = []
  const owner = { after: (end: () => Promise<void> | void) => void ends.unshift(end) }
  try {
    const options = { kubeDns: 'none', kubeDnsPods: DELAYS_MS.length } as const
    const model = await NodeModel.create(owner, options)
    startSlowServers(model, DELAYS_MS)
    const args = ['-localip', LINK_LOCAL, '-upstreamsvc', 'kube-dns-upstream']
    const dnslet = await model.startDnslet(args, { server: LINK_LOCAL })
    if (values.queues === '2') await addSecondQueue(model, dnslet.pid)
    for (const client of values.client) {
      for (const way of values.way as Way[]) await measureOne(model, client, way)
    }
  } finally {
    for (let end = ends.shift(); end !== undefined; end = ends.shift()) await end()
  }
}

async function measureOne(model: NodeModel, client: string, way: Way): Promise<void> {
  const file = join(values.folder, `${client}-${way}.json`)
  // Names of its own, or the first run would fill the cache for the others.
  const hosts = Array.from({ length: NAMES }, (_, i) => [
    '-host',
    `${client}-${i}.who.cluster.local`,
  ])
  // The pod's resolv.conf leads to kube-dns; `system` reads nothing else.
  const mount = `mount --bind ${model.folder}/resolv.conf /etc/resolv.conf && exec "$@"`
  writeFileSync(join(model.folder, 'resolv.conf'), `nameserver ${WAYS[way]}\noptions ndots:5\n`)
  const seconds = Number(values.seconds)
  const flags = ['-c', '200', '-d', String(seconds), '-l', '5000', '-json', file, '-client', client]
  const argv = ['sh', '-c', mount, 'sh', bin, 'bench', ...hosts.flat(), ...flags]
  const before = await conntrackCounters(model)
  const running = model.spawn('pod', argv)
  await waitUntil('the bench', () => running.ended() !== null, undefined, seconds + 60)
  const after = await conntrackCounters(model)
  if (running.ended() === 2) throw new Error(running.output())
  const result = JSON.parse(readFileSync(file, 'utf8')) as BenchResult
  const risen = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  const conntrack = Object.fromEntries(COUNTERS.map((name) => [name, risen(name)]))
  const kept: Kept = { result, conntrack }
  writeFileSync(file, JSON.stringify(kept))
  console.error(`${client} ${way}: measured`)
}

/** One table and one page of all runs that are kept. */
function report(): void {
  const files = readdirSync(values.folder).filter((name) => /^\w+-\w+\.json$/.test(name))
  const place = (name: string): number => CLIENTS.indexOf(name.split('-')[0]!)
  const kept = files
    .toSorted((a, b) => place(a) - place(b) || a.localeCompare(b))
    .map((name) => {
      const one = JSON.parse(readFileSync(join(values.folder, name), 'utf8')) as Kept
      const [client, way] = name.replace('.json', '').split('-')
      const label = `${client} ${way}`
      return { ...one, label, run: { ...one.result.runs[0]!, label } }
    })
  const all: BenchResult = {
    ...kept[0]!.result,
    seconds: kept.reduce((sum, { result }) => sum + result.seconds, 0),
    notes: kept.flatMap(({ label, result, run }) =>
      result.notes.map((note) => `${label}: ${note.replace(`${run.client}: `, '')}`),
    ),
    runs: kept.map(({ run }) => run),
  }
  writeFileSync(join(values.folder, 'report.html'), renderReport(all))
  const text = textReport(all, { width: 160, rich: false, colour: false })
  const lines = kept.map(({ conntrack, label }) =>
    [label.padEnd(16), ...COUNTERS.map((name) => String(conntrack[name]).padStart(15))].join(''),
  )
  const head = ['conntrack'.padEnd(16), ...COUNTERS.map((name) => name.padStart(15))].join('')
  const whole = `${text}\n${[head, ...lines].join('\n')}\n`
  writeFileSync(join(values.folder, 'report.txt'), whole)
  console.log(whole)
}
