import type { HttpLease } from '../../lib/http.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { HttpListenError } from '../../telemetry/http.ts'
import { readConfig } from './config.ts'
import { Profiles } from './profiles.ts'
import { routesTo } from './routes.ts'

/** Bound to nothing, as what it ends outlives configurations. */
function stopProfiles(profiles: Profiles): void {
  profiles.stop()
}

/** `pprof`: profiles of the process over HTTP. */
export const pprof: Plugin = {
  name: 'pprof',
  changesAnswers: false,
  setup(directives, { services }): Stage {
    const log = services.log.plugin('pprof')
    const { address, block } = readConfig(directives, (message) => log.warning(message))
    const profiles = services.keep('pprof', () => new Profiles(), stopProfiles)
    let lease: HttpLease | null = null
    let endWatch: (() => void) | null = null
    return {
      http: address,
      async start(): Promise<void> {
        profiles.start()
        if (block) endWatch = profiles.watchDelays()
        try {
          lease = await services.http.acquire(address, routesTo(profiles))
        } catch (error) {
          if (!(error instanceof HttpListenError)) throw error
          throw new HttpListenError(error.code, `plugin/pprof: ${error.message}`, { cause: error })
        }
      },
      async stop(): Promise<void> {
        endWatch?.()
        endWatch = null
        await lease?.release()
        lease = null
      },
      describe: () => [address, ...(block ? ['block'] : [])],
    }
  },
}
