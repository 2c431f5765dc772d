import { findScenario } from './scenario.ts'
import type { Results } from './sample.ts'
import { type Spread, spread } from './stats.ts'
import {
  type Figure,
  idleCpu,
  idlesOf,
  measuredScenarios,
  ratio,
  summarise,
  type Summary,
} from './summary.ts'
import { formatTable } from './table.ts'

/** The whole result as text: what to look at first, a table for each scenario, the ratios, the rest. */
export function formatReport(results: Results): string {
  const sections = [introduction(results)]
  if (results.samples.length > 0) {
    sections.push(
      legend(results),
      overviewSection(results),
      latencySection(results),
      ...measuredScenarios(results).map((scenario) => scenarioSection(results, scenario)),
      ...references(results).flatMap((reference) => [
        ratioSection(results, reference, 'cpu', 'CPU per query'),
        ratioSection(results, reference, 'queriesPerSecond', 'Queries/s'),
        ratioSection(results, reference, 'p999', 'p99.9'),
      ]),
    )
  }
  if (results.idles.length > 0) sections.push(idleSection(results))
  if (results.starts.length > 0) sections.push(startSection(results))
  return sections.join('\n\n') + '\n'
}

function introduction({ rounds, versions }: Results): string {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    `${names.join(', ')}.`,
    `Rounds: ${rounds}. Medians, with [minimum–maximum] over the rounds; ratios are taken in each round.`,
    'Latencies, and ratios of them: of the queries of all rounds together.',
  ].join('\n')
}

function legend({ seconds, samples }: Results): string {
  const disturbance = Math.max(...samples.map((sample) => sample.disturbance))
  return [
    `Throughput runs of ${seconds} s. CPU, user, system, upstream: µs per query, of the server and of what is`,
    'behind it. Busy: the share of its core that the server used; well below 100 %, queries/s show the load',
    'generator and only the CPU time compares. p50, p99, p99.9: µs, at a fixed rate. Lost, wrong:',
    'queries without an answer, and with a wrong one, in total. RSS, RssAnon: MiB.',
    `Idle servers used at most ${percent(disturbance)} of that core.`,
  ].join('\n')
}

/** CPU time is the measure, and what a node asks comes first: one row of medians for each scenario. */
function overviewSection(results: Results): string {
  const rows = measuredScenarios(results).map((scenario) => {
    const isMemory = scenario === 'memory'
    const cells = summarise(results, scenario).map((s) =>
      isMemory
        ? `${mebibytes(s.rss.figure)} / ${mebibytes(s.rssAnon.figure)}`
        : `${s.cpu.figure.toFixed(2)} (${s.userCpu.toFixed(2)})`,
    )
    return [isMemory ? 'full caches: RSS / anonymous, MiB' : scenario, ...cells]
  })
  if (results.idles.length > 0) {
    const cells = results.servers.map((server) => idleCpu(results, server).figure.toFixed(2))
    rows.push(['idle: ms of CPU a second', ...cells])
  }
  const header = ['CPU µs per query (user)', ...results.servers]
  return `At a glance\n\n${formatTable(header, rows)}`
}

function latencySection(results: Results): string {
  const rows = measuredScenarios(results).map((scenario) => [
    scenario,
    ...summarise(results, scenario).map(
      ({ latency: { p50, p99 } }) => `${micros(p50.figure)} / ${micros(p99.figure)}`,
    ),
  ])
  return formatTable(['p50 / p99, µs', ...results.servers], rows)
}

const columns = [
  ['server', (s) => s.server],
  ['queries/s', (s) => range(s.queriesPerSecond, thousands)],
  ['CPU µs', (s) => range(s.cpu, (value) => value.toFixed(2))],
  ['user', (s) => s.userCpu.toFixed(2)],
  ['system', (s) => s.systemCpu.toFixed(2)],
  ['upstream', (s) => s.upstreamCpu.toFixed(2)],
  ['busy', (s) => percent(s.busy)],
  ['p50', (s) => micros(s.latency.p50.figure)],
  ['p99', (s) => micros(s.latency.p99.figure)],
  ['p99.9', (s) => range(s.latency.p999, micros)],
  ['lost', (s) => String(s.lost)],
  ['wrong', (s) => String(s.wrong)],
  ['RSS', (s) => range(s.rss, mebibytes)],
  ['RssAnon', (s) => range(s.rssAnon, mebibytes)],
] as const satisfies readonly (readonly [string, (summary: Summary) => string])[]

function scenarioSection(results: Results, scenario: string): string {
  const rows = summarise(results, scenario).map((s) => columns.map(([, format]) => format(s)))
  const header = columns.map(([title]) => title)
  return `${findScenario(scenario).title}\n\n${formatTable(header, rows)}`
}

/** Every server that is not dnslet is one to compare with. */
function references(results: Results): string[] {
  return results.servers.filter((server) => !server.startsWith('dnslet'))
}

function ratioSection(results: Results, reference: string, figure: Figure, title: string): string {
  const others = results.servers.filter((server) => server !== reference)
  const rows = measuredScenarios(results).map((scenario) => [
    scenario,
    ...others.map((server) =>
      range(ratio(results, scenario, server, reference, figure), (value) => value.toFixed(2)),
    ),
  ])
  const heading = `${title} relative to ${reference} (${reference} = 1.00)`
  return `${heading}\n\n${formatTable(['scenario', ...others], rows)}`
}

function idleSection(results: Results): string {
  const rows = results.servers.map((server) => {
    const wakeUps = idlesOf(results, server).map((idle) => idle.wakeUps)
    return [
      server,
      range(idleCpu(results, server), (value) => value.toFixed(2)),
      range(spread(wakeUps), (value) => value.toFixed(1)),
    ]
  })
  return `Idle, after serving\n\n${formatTable(['server', 'CPU ms/s', 'wake-ups/s'], rows)}`
}

function startSection(results: Results): string {
  const rows = results.servers.map((server) => {
    const own = results.starts.filter((start) => start.server === server)
    return [server, range(spread(own.map((start) => start.milliseconds)), (ms) => ms.toFixed(0))]
  })
  return `From start to first answer\n\n${formatTable(['server', 'ms'], rows)}`
}

function range({ figure, min, max }: Spread, format: (value: number) => string): string {
  if (Number.isNaN(figure)) return '-'
  return `${format(figure)} [${format(min)}–${format(max)}]`
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function micros(value: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(0)
}

function mebibytes(kibibytes: number): string {
  return (kibibytes / 1024).toFixed(1)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.01 ? 2 : 0)} %`
}
