import { formatDuration } from '../../corefile/directive.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { readConfig } from './config.ts'

/** `reload`: follows changes of the Corefile. The daemon does it; this says how often. */
export const reload: Plugin = {
  name: 'reload',
  changesAnswers: false,
  stubZones: true,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('reload')
    const { interval, jitter } = readConfig(directives, (message) => log.warning(message))
    return {
      start(): Promise<void> {
        block.services.life.watchCorefile(interval, jitter)
        return Promise.resolve()
      },
      describe: () => [`looks every ${formatDuration(interval)} ± ${formatDuration(jitter / 2)}`],
    }
  },
}
