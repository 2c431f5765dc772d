import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { createLog, droppedLinesMetric } from '../../src/telemetry/log.ts'
import { exposition } from '../../src/telemetry/metrics.ts'

// A child process for log.test.ts: floods its standard output and reports on standard error.
const [format = 'json', lines = '100000'] = process.argv.slice(2)
const log = await createLog({ format: format === 'text' ? 'text' : 'json' })

const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
for (let i = 0; i < Number(lines); i++) {
  log.info(`127.0.0.1:40000 - ${i} "A IN www.example.org. udp 33 false 512" NOERROR qr,rd,ra 49`)
  if (i % 100 === 0) await setImmediate()
}
delay.disable()

const flushed = await log.flush(200)
const { body } = await exposition('', [droppedLinesMetric])
const dropped = Number(/^dnslet_log_dropped_lines_total (\d+)$/m.exec(body)?.[1])
const report = { delayMs: delay.max / 1e6, dropped, flushed, heap: process.memoryUsage().heapUsed }
process.stderr.write(`${JSON.stringify(report)}\n`, () => process.exit(3))
