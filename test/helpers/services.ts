import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { Holds } from '../../src/lib/holds.ts'
import type { BlockContext, Life, Services } from '../../src/serve/plugin.ts'
import { plainHttp } from './http.ts'
import { ManualClock } from './manual-clock.ts'
import { nullLog } from './null-log.ts'

export type GivenServices = Partial<Omit<Services, 'life'>> & { readonly life?: Partial<Life> }

/**
 * What a daemon that does nothing lends to its plugins, but for what the test gives.
 *
 * @param kept states that outlive these services, as over a reload
 */
export function testServices(
  given: GivenServices = {},
  kept: Map<string, unknown> = new Map<string, unknown>(),
): Services {
  return {
    clock: new ManualClock(),
    log: nullLog,
    http: plainHttp,
    memory: new ByteBudget(1 << 20),
    coming: null,
    keep: <T>(key: string, make: () => T): T => {
      if (!kept.has(key)) kept.set(key, make())
      return kept.get(key) as T
    },
    ...given,
    life: {
      fatal: () => {},
      watchCorefile: () => {},
      selfCheck: () => Promise.resolve(null),
      readiness: new Holds(),
      untilIdle: () => Promise.resolve(true),
      ...given.life,
    },
  }
}

type Parts = Partial<Omit<BlockContext, 'services'>> & { readonly services?: GivenServices }

/** What a plugin sees of a server block `.` on 127.0.0.1:5300 in such a daemon. */
export function testBlock({ services, ...parts }: Parts = {}): BlockContext {
  return {
    zones: ['.'],
    view: '',
    keys: [{ token: { text: '.', file: 'Corefile', line: 1 }, scheme: 'dns' }],
    servers: ['dns://127.0.0.1:5300'],
    listeners: [{ host: '127.0.0.1', port: 5300 }],
    stages: [],
    identity: '.',
    ...parts,
    services: testServices(services),
  }
}
