import { setTimeout as sleep } from 'node:timers/promises'
import { formatDuration } from '../../corefile/directive.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { acquire, HttpListenError, type HttpLease, plainText } from '../../telemetry/http.ts'
import { readConfig } from './config.ts'
import { SelfCheck } from './self-check.ts'

/** `health`: tells over HTTP whether this process answers DNS. */
export const health: Plugin = {
  name: 'health',
  handler: false,
  setup(directives, block): Stage {
    const config = readConfig(directives)
    const { services } = block
    const log = services.log.plugin('health')
    const check = services.keep(
      'health',
      () => new SelfCheck({ ask: () => services.selfCheck(), clock: services.clock, log }),
      (dropped) => dropped.stop(),
    )
    let lease: HttpLease | null = null
    return {
      async start(): Promise<void> {
        lease = await listen(config.address, check)
        check.start()
      },
      async lameduck(): Promise<void> {
        if (config.lameduck > 0) {
          log.info(`Going into lameduck mode for ${formatDuration(config.lameduck)}`)
          await sleep(config.lameduck)
        }
        // From here on the sockets close on purpose.
        check.stop()
      },
      async stop(): Promise<void> {
        await lease?.release()
        lease = null
      },
      describe: () => {
        const { address, lameduck } = config
        return lameduck > 0 ? [address, `lameduck ${formatDuration(lameduck)}`] : [address]
      },
    }
  },
}

async function listen(address: string, check: SelfCheck): Promise<HttpLease> {
  const route = async (): Promise<ReturnType<typeof plainText>> => {
    const problem = await check.problem()
    return problem === null ? plainText(200, 'OK') : plainText(503, `${problem}\n`)
  }
  try {
    return await acquire(address, { '/health': route })
  } catch (error) {
    if (!(error instanceof HttpListenError)) throw error
    throw new HttpListenError(error.code, `plugin/health: ${error.message}`, { cause: error })
  }
}
