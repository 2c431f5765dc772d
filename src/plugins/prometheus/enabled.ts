import type { BlockContext, Stage } from '../../serve/plugin.ts'
import { registerMetric } from '../../telemetry/metrics.ts'

/** Blocks with `prometheus` that are running; while a reload is under way, old and new ones. */
const running = new Set<BlockContext>()

/** Shows which plugins a block has; the result ends that. */
export function showEnabled(block: BlockContext): () => void {
  running.add(block)
  return () => running.delete(block)
}

registerMetric({
  name: 'coredns_plugin_enabled',
  help: 'Plugins that queries of a server block pass, under its first zone; the value is 1.',
  type: 'gauge',
  labels: ['server', 'zone', 'view', 'name'],
  collect(emit) {
    for (const { servers, stages, zones } of running) {
      for (const { name, stage } of stages) {
        if (!isHandler(stage)) continue
        for (const server of servers) emit([server, zones[0] ?? '.', '', name], 1)
      }
    }
  },
})

/** Whether queries pass the stage; CoreDNS does not list what only opens ports or sets options. */
function isHandler(stage: Stage): boolean {
  return (['wrap', 'unwrap', 'observe'] as const).some((hook) => stage[hook] !== undefined)
}
