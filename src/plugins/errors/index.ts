import { formatDuration } from '../../corefile/directive.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { traceStacks } from '../../telemetry/stack-traces.ts'
import { type ErrorsConfig, readConfig } from './config.ts'
import { Reporter } from './reporter.ts'

/** `errors`: logs what went wrong with a query. */
export const errors: Plugin = {
  name: 'errors',
  changesAnswers: false,
  stubZones: true,
  setup(directives, block): Stage {
    const { clock } = block.services
    const log = block.services.log.plugin('errors')
    const config = readConfig(directives, (message) => log.warning(message))
    const reporter = new Reporter(config.consolidations, log, clock)
    let stopTracing: readonly (() => void)[] = []
    return {
      observe(q) {
        if (q.error !== null) reporter.report(q, q.error)
      },
      start(): Promise<void> {
        if (config.stacktrace) stopTracing = block.servers.map(traceStacks)
        return Promise.resolve()
      },
      stop(): Promise<void> {
        reporter.flush()
        for (const stop of stopTracing) stop()
        stopTracing = []
        return Promise.resolve()
      },
      describe: () => describe(config),
    }
  },
}

function describe({ consolidations, stacktrace }: ErrorsConfig): string[] {
  const lines = consolidations.map(({ level, period, showFirst, source }) => {
    const first = showFirst ? ', the first at once' : ''
    return `consolidate '${source}' over ${formatDuration(period)} as ${level}${first}`
  })
  return stacktrace ? [...lines, 'stacktrace'] : lines
}
