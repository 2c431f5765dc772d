import type { Plugin, Stage } from '../../serve/plugin.ts'
import { readConfig } from './config.ts'
import { systemInterfaces } from './interfaces.ts'

/** `bind`: listens on some addresses instead of all. */
export const bind: Plugin = {
  name: 'bind',
  changesAnswers: false,
  stubZones: true,
  setup(directives, block): Stage {
    const { addresses, silent } = readConfig(directives, systemInterfaces)
    for (const name of silent) {
      block.services.log
        .plugin('bind')
        .warning(`Interface ${name} is down or has no address: nothing listens on it`)
    }
    return { addresses, describe: () => [addresses.join(' ')] }
  },
}
