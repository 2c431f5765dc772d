import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { type CacheConfig, readConfig, type StoreConfig } from './config.ts'
import { Flight } from './flight.ts'
import { Flights } from './flights.ts'
import { Lookup } from './handler.ts'
import { CountersByServer, showGauges } from './metrics.ts'
import { StaleAnswers } from './stale.ts'
import { CacheStores, StoreRules, zoneTable } from './stores.ts'

/** `cache`: answers from memory, and merges identical questions on their way to the upstream. */
export const cache: Plugin = {
  name: 'cache',
  handler: true,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('cache')
    const config = readConfig(directives, block.zones, (message) => log.warning(message))
    const { clock, cacheBudget } = block.services
    const rules = new StoreRules(config)
    const zonesLabel = config.zones.join(',')
    const counters = new CountersByServer(zonesLabel)
    const stores = block.services.keep(
      `cache ${block.identity}`,
      () => new CacheStores(config.success.capacity, config.denial.capacity, cacheBudget),
      (dropped) => dropped.clear(),
    )
    const stale =
      config.stale === null ? null : new StaleAnswers(config.stale, stores, clock, counters)
    const coversBlock = block.zones.every((zone) => config.zones.includes(zone))
    const zones = coversBlock ? null : zoneTable(config.zones)

    let flights: Flights | null = null
    let hideGauges: (() => void) | null = null
    return {
      wrap(next: Handler, done: Handler): Handler {
        flights = new Flights({ rules, stores, clock, counters, stale, next, done })
        const parts = { config, stores, clock, counters, stale, flights, zones, next, done }
        return new Lookup(parts).handle
      },
      unwrap: (done: Handler): Handler => {
        return (q) => {
          if (q.memo instanceof Flight) flights!.land(q.memo, q)
          else done(q)
        }
      },
      start(): Promise<void> {
        hideGauges = showGauges({
          labels: block.servers.map((server) => [server, zonesLabel, ''] as const),
          entries: () => ({
            success: stores.success.countFresh(clock.now),
            denial: stores.denial.countFresh(clock.now),
          }),
        })
        return Promise.resolve()
      },
      stop(): Promise<void> {
        hideGauges?.()
        flights?.stop()
        return Promise.resolve()
      },
      describe: () => describe(config),
    }
  },
}

function describe(config: CacheConfig): string[] {
  const { success, denial, prefetch, stale, servfail, keepTtl } = config
  const lines = [
    `zones ${config.zones.join(' ')}`,
    `success ${describeStore(success)}`,
    `denial ${describeStore(denial)}`,
    `servfail ${servfail / 1000}s`,
  ]
  if (prefetch !== null) {
    lines.push(`prefetch ${prefetch.amount} ${prefetch.duration / 1000}s ${prefetch.percentage}%`)
  }
  if (stale === null) lines.push('serve_stale off')
  else {
    const when = stale.askFirst ? 'where the upstream fails' : 'at once'
    lines.push(`serve_stale up to ${stale.window / 1000}s after expiry, ${when}`)
  }
  if (config.withoutSuccess.length > 0) {
    lines.push(`disable success ${config.withoutSuccess.join(' ')}`)
  }
  if (config.withoutDenial.length > 0) {
    lines.push(`disable denial ${config.withoutDenial.join(' ')}`)
  }
  if (keepTtl) lines.push('keepttl')
  return lines
}

function describeStore({ capacity, minTtl, maxTtl }: StoreConfig): string {
  return `${capacity} entries, TTL ${minTtl}s to ${maxTtl}s`
}
