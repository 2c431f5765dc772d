// A client of the soak: `node client-main.ts OPTIONS OUTPUT`. It says `ready` once the server answers, begins at
// SIGUSR2 and ends after its time, or at SIGTERM; what it saw is then in OUTPUT.
import { writeFileSync } from 'node:fs'

import { openNetwork } from '../../src/load/bench.ts'
import { Type } from '../../src/wire/codes.ts'
import { Client } from './client.ts'
import type { ClientOptions } from './client-report.ts'
import { Exchange } from './exchange.ts'
import { readMetrics } from './read-metrics.ts'

const START_DEADLINE_MS = 30_000
const TRY_MS = 200
const KNOWN = { name: 'kubernetes.default.svc.cluster.local', types: [Type.A] }

const [json = '', output = ''] = process.argv.slice(2)
const options = JSON.parse(json) as ClientOptions
const { sockets } = openNetwork()
const { metrics } = options
const client = new Client(options, sockets, async () => {
  return metrics === null ? null : readMetrics(metrics)
})
// A timer, for a signal's listener keeps no process alive.
const waiting = setInterval(() => {}, 1_000)
const told = new Promise<void>((resolve) => process.once('SIGUSR2', resolve))
process.on('SIGTERM', () => client.stop())

await untilAnswered()
console.log('ready')
await told
clearInterval(waiting)
const report = await client.run()
writeFileSync(output, JSON.stringify(report))
process.exit(0)

/** Asks for a name of the cluster and for one beyond, until both were answered rightly. */
async function untilAnswered(): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS
  const steps = [KNOWN, { name: 'site-1.example.net', types: [Type.A] }]
  for (const step of steps) {
    for (let said = await ask(step); said !== ''; said = await ask(step)) {
      if (performance.now() > deadline) throw new Error(`Cannot begin: ${step.name}: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, TRY_MS))
    }
  }
}

function ask(step: typeof KNOWN): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => exchange.giveUp('timeout'), 1_000)
    const owner = {
      ended: (_: Exchange, __: number, what: string) => resolve(what),
      over: () => clearTimeout(timer),
    }
    const exchange = new Exchange(sockets, options.server, options.from[0]!, step, owner)
  })
}
