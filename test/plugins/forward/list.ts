import { Clock } from '../../../src/lib/clock.ts'
import type { ForwardConfig } from '../../../src/plugins/forward/config.ts'
import { UpstreamList } from '../../../src/plugins/forward/upstream-list.ts'
import { testServices } from '../../helpers/services.ts'
import { LogLines } from './harness.ts'
import { configOf } from './parse.ts'

/** The upstreams of `forward . PATH`, whose file is looked at every 20 ms. */
export function listFor(path: string): { readonly list: UpstreamList; readonly log: LogLines } {
  const config: ForwardConfig = configOf(`forward . ${path}`)
  const log = new LogLines()
  const services = testServices({ clock: new Clock(), log })
  return { list: new UpstreamList(config, services, 20), log }
}
