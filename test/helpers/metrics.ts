import { LoopLag } from '../../src/daemon/loop-lag.ts'
import { daemonMetrics } from '../../src/daemon/metrics.ts'
import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { Clock } from '../../src/lib/clock.ts'
import type { MetricSpec } from '../../src/lib/metrics.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { nodeMetrics } from '../../src/node/metrics.ts'
import { plugins } from '../../src/plugins/index.ts'
import { LatePlugin } from '../../src/plugins/later.ts'
import { nullLog } from './null-log.ts'

// Those whose code comes with a Corefile count too.
const late = plugins.filter((plugin) => plugin instanceof LatePlugin)
await Promise.all(late.map((plugin) => plugin.load()))

/** Every metric that dnslet has, of a daemon that has counted nothing. */
export function allMetrics(): readonly MetricSpec[] {
  const daemon = daemonMetrics({
    memory: new ByteBudget(1),
    counters: new NetCounters(),
    sockets: () => [],
    lag: new LoopLag({ clock: new Clock(), log: nullLog }),
  })
  return [...daemon, ...nodeMetrics]
}
