import type { HttpLease } from '../../lib/http.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { metricsRoute } from '../../telemetry/metrics-route.ts'
import { enableRuntimeMetrics } from '../../telemetry/metrics.ts'
import './build-info.ts'
import { readConfig } from './config.ts'
import { showEnabled } from './enabled.ts'
import './metrics.ts'
import { Recorder } from './recorder.ts'

/** `prometheus`: counts the queries of a block and shows all metrics over HTTP. */
export const prometheus: Plugin = {
  name: 'prometheus',
  changesAnswers: false,
  stubZones: true,
  setup(directives, block): Stage {
    const { clock, http } = block.services
    const log = block.services.log.plugin('prometheus')
    const config = readConfig(directives, (message) => log.warning(message))
    let lease: HttpLease | null = null
    let hideEnabled: (() => void) | null = null
    return {
      http: config.address,
      observe: new Recorder(block.zones, clock).record,
      async start(): Promise<void> {
        if (config.runtimeMetrics) enableRuntimeMetrics()
        hideEnabled = showEnabled(block)
        try {
          lease = await http.acquire(config.address, { '/metrics': metricsRoute })
        } catch (error) {
          // As in CoreDNS, DNS is served all the same.
          const reason = error instanceof Error ? error.message : String(error)
          log.error(`Failed to start metrics handler: ${reason}`)
        }
      },
      async stop(): Promise<void> {
        hideEnabled?.()
        await lease?.release()
        lease = null
      },
      describe: () => [config.address, ...(config.runtimeMetrics ? ['runtime_metrics'] : [])],
    }
  },
}
