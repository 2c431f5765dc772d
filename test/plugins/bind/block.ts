import { ByteBudget } from '../../../src/lib/byte-budget.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { Holds } from '../../../src/lib/holds.ts'
import type { BlockContext, Services } from '../../../src/serve/plugin.ts'
import { plainHttp } from '../../helpers/http.ts'
import { nullLog } from '../../helpers/null-log.ts'

type Parts = Partial<Omit<BlockContext, 'services'>> & { readonly services?: Partial<Services> }

/** What a plugin sees of a server block `.` on 127.0.0.1:5300 in a daemon that does nothing. */
export function testBlock(parts: Parts = {}): BlockContext {
  return {
    zones: ['.'],
    servers: ['dns://127.0.0.1:5300'],
    listeners: [{ host: '127.0.0.1', port: 5300 }],
    directives: [],
    stages: [],
    identity: '.',
    ...parts,
    services: {
      clock: new ManualClock(),
      log: nullLog,
      http: plainHttp,
      cacheBudget: new ByteBudget(1 << 20),
      keep: (_key, make) => make(),
      watchCorefile: () => {},
      fatal: () => {},
      selfCheck: () => Promise.resolve(null),
      readiness: new Holds(),
      untilIdle: () => Promise.resolve(true),
      ...parts.services,
    },
  }
}
