import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname } from 'node:path'

import { renderChart } from './chart.ts'
import { Children, moveTo } from './children.ts'
import { compare } from './compare.ts'
import { endure, type Milestone, verdict } from './endurance.ts'
import { servers } from './fleet.ts'
import { type Options, parseOptions, usage } from './options.ts'
import { formatReport } from './report.ts'

const children = new Children()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // The "exit" handler below ends the servers.
  process.once(signal, () => process.exit(128 + constants.signals[signal]))
}
process.once('exit', () => children.killAll())

try {
  await main(parseOptions(process.argv.slice(2)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function main(options: Options): Promise<void> {
  if (options.help) return console.log(usage)
  mkdirSync(options.dir, { recursive: true })
  process.once('exit', () => removeDirectory(options.dir))
  // This program, and dnsperf and nsd after it, leave the servers' core alone.
  moveTo(options.loadCpu)
  try {
    if (options.endurance === null) await runComparison(options)
    else await runEndurance(options, options.endurance)
  } finally {
    await children.stopAll()
  }
}

/** Removes the temporary files, and `.bench` itself unless another benchmark is using it. */
function removeDirectory(dir: string): void {
  rmSync(dir, { recursive: true, force: true })
  try {
    rmdirSync(dirname(dir))
  } catch (error) {
    // ENOENT: that one has just removed it.
    if (!['ENOTEMPTY', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

async function runComparison(options: Options): Promise<void> {
  const results = await compare(children, options, (line) => console.error(line))
  const report = formatReport(results)
  console.log(report)
  if (results.samples.length > 0) writeFileSync(options.svg, renderChart(results))
  if (options.text !== null) writeFileSync(options.text, report)
  if (options.json !== null) writeFileSync(options.json, JSON.stringify(results, null, 2) + '\n')
}

async function runEndurance(options: Options, queries: number): Promise<void> {
  const [server] = servers(options)
  console.log(`${server.name}, ${queries.toLocaleString('en')} queries:`)
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
