import type { Plugin, Stage } from '../../serve/plugin.ts'
import { readConfig } from './config.ts'
import { interfacesWith } from './interfaces.ts'

/** `bind`: listens on some addresses instead of all. */
export const bind: Plugin = {
  name: 'bind',
  changesAnswers: false,
  stubZones: true,
  setup(directives, block): Stage {
    const { addresses, silent } = readConfig(directives, interfacesWith(block.services.coming))
    const log = block.services.log.plugin('bind')
    for (const name of silent) {
      log.warning(`Interface ${name} is down or has no address: nothing listens on it`)
    }
    if (addresses.length === 0) {
      const { file, line } = directives[0]!.name
      log.warning(`${file}:${line} - no address is left: nobody can ask this server block`)
    }
    return { addresses, describe: () => [addresses.join(' ') || 'nothing'] }
  },
}
