import type { HttpLease } from '../../lib/http.ts'
import type { Plugin, Services, Stage } from '../../serve/plugin.ts'
import { readConfig } from './config.ts'
import { Readiness } from './readiness.ts'

/** The blocks of one configuration answer together, on each of their addresses. */
const readinessOf = new WeakMap<Services, Readiness>()

/** `ready`: tells over HTTP whether every stage can do its work. */
export const ready: Plugin = {
  name: 'ready',
  changesAnswers: false,
  setup(directives, block): Stage {
    const config = readConfig(directives)
    const { services } = block
    const readiness = readinessOf.get(services) ?? new Readiness(services.readiness)
    readinessOf.set(services, readiness)
    let lease: HttpLease | null = null
    return {
      http: config.address,
      async start(): Promise<void> {
        readiness.add(block.stages, config.continuously)
        try {
          lease = await services.http.acquire(config.address, {
            '/ready': () => readiness.answer(),
          })
        } catch (error) {
          // As in CoreDNS, DNS is served all the same: the probe fails and says enough.
          const reason = error instanceof Error ? error.message : String(error)
          services.log.plugin('ready').error(`Failed to start ready handler: ${reason}`)
        }
      },
      async stop(): Promise<void> {
        await lease?.release()
        lease = null
      },
      describe: () => {
        const { address, continuously } = config
        return [address, `monitor ${continuously ? 'continuously' : 'until-ready'}`]
      },
    }
  },
}
