import type { Clock } from '../../lib/clock.ts'
import { ByServer } from '../../lib/counters.ts'
import type { BlockContext, Plugin, Stage } from '../../serve/plugin.ts'
import { queryCounters, type QueryCounters } from '../../serve/query-counters.ts'
import type { Observer } from '../../serve/query.ts'
import { ZoneTable } from '../../serve/zone-table.ts'
import { MetricsAddress } from '../../telemetry/metrics-address.ts'
import { enableRuntimeMetrics } from '../../telemetry/metrics.ts'
import { readConfig } from './config.ts'
import { metrics, showEnabled } from './metrics.ts'

/** `prometheus`: counts the queries of a block and shows all metrics over HTTP. */
export const prometheus: Plugin = {
  name: 'prometheus',
  changesAnswers: false,
  stubZones: true,
  metrics,
  setup(directives, block): Stage {
    const { clock, http } = block.services
    const log = block.services.log.plugin('prometheus')
    const config = readConfig(directives, (message) => log.warning(message))
    const address = new MetricsAddress(http, config.address, log)
    let hideEnabled: (() => void) | null = null
    return {
      http: config.address,
      observe: recorder(block, clock),
      async start(): Promise<void> {
        if (config.runtimeMetrics) enableRuntimeMetrics()
        hideEnabled = showEnabled(block)
        await address.open()
      },
      async stop(): Promise<void> {
        hideEnabled?.()
        await address.release()
      },
      describe: () => [config.address, ...(config.runtimeMetrics ? ['runtime_metrics'] : [])],
    }
  },
}

/** Counts queries by their zones, one of the block's at least. */
function recorder({ view, zones }: BlockContext, clock: Clock): Observer {
  const countersOf = (zone: string): ByServer<QueryCounters> =>
    new ByServer(queryCounters, zone, view)
  const only = countersOf(zones[0] ?? '.')
  const root = countersOf('.')
  /** Null where the block has one zone: then every query is in it. */
  const table = zones.length > 1 ? new ZoneTable<ByServer<QueryCounters>>() : null
  for (const zone of zones) table?.add(zone, countersOf(zone))
  return (q) => {
    const zone = table === null ? only : (table.find(q.wire, q.question) ?? root)
    zone.of(q.server).count(q, (clock.now - q.receivedAt) / 1000)
  }
}
