import { reasonOf } from '../../lib/errors.ts'
import type { HttpLease, HttpReply } from '../../lib/http.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { plainText } from '../../telemetry/http-answer.ts'
import { readConfig } from './config.ts'

/** `ready`: tells over HTTP whether queries should be sent here; the daemon knows what speaks against it. */
export const ready: Plugin = {
  name: 'ready',
  changesAnswers: false,
  setup(directives, block): Stage {
    const { http, life, log } = block.services
    const config = readConfig(directives, (message) => log.warning(message))
    const answer = (): HttpReply => {
      const { reasons } = life.readiness
      return reasons.length === 0 ? plainText(200, 'OK') : plainText(503, reasons.join(', '))
    }
    let lease: HttpLease | null = null
    return {
      http: config.address,
      async start(): Promise<void> {
        try {
          lease = await http.acquire(config.address, { '/ready': answer })
        } catch (error) {
          // As in CoreDNS, DNS is served all the same: the probe fails and says enough.
          log.plugin('ready').error(`Failed to start ready handler: ${reasonOf(error)}`)
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
