import { KeptStates } from '../../../src/daemon/kept-states.ts'
import { ByteBudget } from '../../../src/lib/byte-budget.ts'
import { Clock } from '../../../src/lib/clock.ts'
import { Holds } from '../../../src/lib/holds.ts'
import type { ForwardConfig } from '../../../src/plugins/forward/config.ts'
import { UpstreamList } from '../../../src/plugins/forward/upstream-list.ts'
import { LogLines } from './harness.ts'
import { configOf } from './parse.ts'
import { plainHttp } from '../../helpers/http.ts'

/** The upstreams of `forward . PATH`, whose file is looked at every 20 ms. */
export function listFor(path: string): { readonly list: UpstreamList; readonly log: LogLines } {
  const config: ForwardConfig = configOf(`forward . ${path}`)
  const log = new LogLines()
  const kept = new KeptStates().open()
  const services = {
    clock: new Clock(),
    log,
    http: plainHttp,
    cacheBudget: new ByteBudget(0),
    keep: <T>(key: string, make: () => T): T => kept.keep(key, make),
    watchCorefile: () => {},
    fatal: () => {},
    selfCheck: () => Promise.resolve(null),
    readiness: new Holds(),
    untilIdle: () => Promise.resolve(true),
  }
  return { list: new UpstreamList(config, services, 20), log }
}
