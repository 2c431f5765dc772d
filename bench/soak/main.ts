import { writeFileSync } from 'node:fs'
import { constants } from 'node:os'

import { requireNodeModel } from '../../test/helpers/node-model/needs.ts'
import type { Owner } from '../../test/helpers/processes.ts'
import { problemsOf } from './judge.ts'
import { parseOptions, type SoakOptions, usage } from './options.ts'
import { formatReport } from './report.ts'
import { soak } from './soak.ts'

const ends: (() => Promise<void> | void)[] = []
const owner: Owner = { after: (end) => void ends.unshift(end) }
const stop = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal]
    // Who asks twice does not wait for the last answers; the "exit" handlers end everything.
    if (stop.signal.aborted) process.exit()
    stop.abort()
  })
}

try {
  await main(parseOptions(process.argv.slice(2)))
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
} finally {
  for (let end = ends.shift(); end !== undefined; end = ends.shift()) await end()
}

async function main(options: SoakOptions): Promise<void> {
  if (options.help) return console.log(usage)
  const reason = options.loopback ? 'as --loopback says' : requireNodeModel()
  if (reason !== false) console.error(`On 127.0.0.0/8, not in a node: ${reason}`)
  const progress = (line: string): void => console.error(line)
  const result = await soak(owner, options, reason === false, stop.signal, progress)
  const report = formatReport(result)
  console.log(report)
  if (options.text !== null) writeFileSync(options.text, report)
  if (options.json !== null) writeFileSync(options.json, JSON.stringify(result, null, 2) + '\n')
  const [judged] = result.servers
  if (judged !== undefined && problemsOf(judged).length > 0 && !result.interrupted) {
    process.exitCode = 1
  }
}
