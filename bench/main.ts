import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'

import { renderChart } from './chart.ts'
import { Children } from './children.ts'
import { compare } from './compare.ts'
import { endure, type Milestone, verdict } from './endurance.ts'
import { type Options, parseOptions, usage } from './options.ts'
import { formatReport } from './report.ts'
import { dnslet } from './servers/dnslet.ts'

const children = new Children()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // The "exit" handler below ends the servers; 130 is what a shell reports for an interrupt.
  process.once(signal, () => process.exit(130))
}
process.once('exit', () => children.killAll())

try {
  await main(parseOptions(process.argv.slice(2)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await children.stopAll()
}

async function main(options: Options): Promise<void> {
  if (options.help) return console.log(usage)
  mkdirSync(options.dir, { recursive: true })
  // This program, and dnsperf and nsd after it, leave the servers' core alone.
  execFileSync('taskset', ['-a', '-p', '-c', String(options.loadCpu), String(process.pid)], {
    stdio: 'ignore',
  })
  if (options.endurance === null) await runComparison(options)
  else await runEndurance(options, options.endurance)
}

async function runComparison(options: Options): Promise<void> {
  const results = await compare(children, options, (line) => console.error(line))
  const report = formatReport(results)
  console.log(report)
  writeFileSync(options.svg, renderChart(results))
  if (options.text !== null) writeFileSync(options.text, report)
  if (options.json !== null) writeFileSync(options.json, JSON.stringify(results, null, 2) + '\n')
  console.error(`Chart: ${options.svg}`)
}

async function runEndurance(options: Options, queries: number): Promise<void> {
  const { dir, basePort } = options
  const server = dnslet({ dir, port: basePort + 1, upstreamPort: basePort })
  const milestones = await endure(children, options, server, queries, (milestone) => {
    console.log(milestoneLine(milestone))
  })
  console.log(verdict(milestones))
  if (options.json !== null) writeFileSync(options.json, JSON.stringify(milestones, null, 2) + '\n')
  if (milestones.some(({ lost, wrong }) => lost + wrong > 0)) process.exitCode = 1
}

function milestoneLine({
  queries,
  queriesPerSecond,
  lost,
  wrong,
  rss,
  rssAnon,
}: Milestone): string {
  const memory = `RSS ${(rss / 1024).toFixed(1)} MiB, RssAnon ${(rssAnon / 1024).toFixed(1)} MiB`
  const asked = queries.toLocaleString('en')
  return `${asked} queries: ${Math.round(queriesPerSecond)}/s, ${lost} lost, ${wrong} wrong, ${memory}`
}
