import { setTimeout as sleep } from 'node:timers/promises'
import { formatDuration } from '../../corefile/directive.ts'
import type { Http, HttpLease } from '../../lib/http.ts'
import { LONGEST_TIMER_MS } from '../../lib/longest-timer.ts'
import type { Plugin, Services, Stage } from '../../serve/plugin.ts'
import { HttpListenError } from '../../telemetry/http.ts'
import { plainText } from '../../telemetry/http-answer.ts'
import { type HealthConfig, readConfig } from './config.ts'
import { metrics } from './metrics.ts'
import { SelfCheck } from './self-check.ts'

/** As long without a query means that nobody asks here any more. */
const QUIET_MS = 1000

/** Bound to nothing, as what it ends outlives configurations. */
function stopCheck(check: SelfCheck): void {
  check.stop()
}

/** `health`: tells over HTTP whether this process answers DNS. */
export const health: Plugin = {
  name: 'health',
  changesAnswers: false,
  metrics,
  setup(directives, block): Stage {
    const { services } = block
    const log = services.log.plugin('health')
    const config = readConfig(directives, (message) => log.warning(message))
    const check = services.keep(
      'health',
      () => new SelfCheck({ ask: services.life.selfCheck, clock: services.clock, log }),
      stopCheck,
    )
    let lease: HttpLease | null = null
    return {
      http: config.address,
      async start(): Promise<void> {
        lease = await listen(services.http, config.address, check)
        check.start()
      },
      async lameduck(): Promise<void> {
        if (config.lameduck > 0) {
          log.info(`Going into lameduck mode for ${describeLameduck(config)}`)
          await goLame(config, services)
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
        return lameduck > 0 ? [address, `lameduck ${describeLameduck(config)}`] : [address]
      },
    }
  },
}

function describeLameduck({ lameduck, untilIdle }: HealthConfig): string {
  return `${formatDuration(lameduck)}${untilIdle ? ' until idle' : ''}`
}

async function goLame({ lameduck, untilIdle }: HealthConfig, services: Services): Promise<void> {
  if (!untilIdle) return sleep(Math.min(lameduck, LONGEST_TIMER_MS))
  const idle = await services.life.untilIdle(QUIET_MS, lameduck)
  const log = services.log.plugin('health')
  log.info(idle ? 'No client asks any more' : 'Clients still ask, and their time is up')
}

async function listen(http: Http, address: string, check: SelfCheck): Promise<HttpLease> {
  const route = async (): Promise<ReturnType<typeof plainText>> => {
    const problem = await check.problem()
    return problem === null ? plainText(200, 'OK') : plainText(503, `${problem}\n`)
  }
  try {
    return await http.acquire(address, { '/health': route })
  } catch (error) {
    if (!(error instanceof HttpListenError)) throw error
    throw new HttpListenError(error.code, `plugin/health: ${error.message}`, { cause: error })
  }
}
