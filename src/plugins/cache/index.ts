import type { Directive, Warn } from '../../corefile/directive.ts'
import type { BlockContext, Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { zoneTable } from '../../serve/zone-table.ts'
import { type CacheConfig, readConfig, describe } from './config.ts'
import { Flight } from './flight.ts'
import { Flights } from './flights.ts'
import { Lookup } from './lookup.ts'
import { carryOver } from './import.ts'
import { countersByServer, showGauges, metrics } from './metrics.ts'
import { StaleAnswers } from './stale.ts'
import { MIN_ENTRY_BYTES } from './store.ts'
import { Contents } from './contents.ts'
import { explainLookup } from './explain.ts'
import { CacheStores, StoreRules } from './stores.ts'

const MIB = 1024 * 1024

/** The zones of the block that a cache was made for. */
const zonesServed = new WeakMap<CacheStores, readonly string[]>()

/** `cache`: answers from memory, and merges identical questions on their way to the upstream. */
export const cache: Plugin = {
  name: 'cache',
  changesAnswers: false,
  stubZones: true,
  metrics,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('cache')
    const warn = (message: string): void => log.warning(message)
    const config = readConfig(directives, block.zones, warn)
    const { clock, memory } = block.services
    warnOfCapacity(directives[0]!, config, memory.limit, warn)
    const rules = new StoreRules(config)
    const zonesLabel = config.zones.join(',')
    const counters = countersByServer(zonesLabel, block.view)
    const { stores, relatives } = keepStores(config, block)
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
      async prepare(): Promise<void> {
        await carryOver(relatives.splice(0), stores, rules, block.zones, clock)
      },
      start(): Promise<void> {
        hideGauges = showGauges({
          labels: block.servers.map((server) => [server, zonesLabel, block.view] as const),
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
      explain: (q) => {
        if (zones !== null && zones.find(q.wire, q.question) === undefined) {
          return { says: ['not for this name: it goes on'], ends: false }
        }
        return explainLookup(q, { stores, stale, flights: flights!, now: clock.refresh() })
      },
      contents: new Contents(stores, config, clock),
    }
  },
}

/** The cache of a block, and those of the same source that it may fill itself from where it is new. */
function keepStores(
  config: CacheConfig,
  { identity, services, zones }: BlockContext,
): { readonly stores: CacheStores; readonly relatives: CacheStores[] } {
  const relatives: CacheStores[] = []
  const family = `cache ${identity}`
  const stores = services.keep(
    `${family} ${shapeOf(config, zones)}`,
    (others: readonly CacheStores[] = []) => {
      relatives.push(...others.filter((other) => shareZones(other, zones)))
      const { success, denial } = config
      const made = new CacheStores(success.capacity, denial.capacity, services.memory)
      zonesServed.set(made, zones)
      return made
    },
    clearStores,
    family,
  )
  return { stores, relatives }
}

/** Bound to nothing, as what it ends outlives configurations. */
function clearStores(stores: CacheStores): void {
  stores.clear()
}

function shareZones(stores: CacheStores, zones: readonly string[]): boolean {
  return zonesServed.get(stores)?.some((zone) => zones.includes(zone)) === true
}

/** What entries depend on beside where they come from: others have to be bounded anew, or filtered. */
function shapeOf(config: CacheConfig, zones: readonly string[]): string {
  const { success, denial, withoutSuccess, withoutDenial } = config
  return JSON.stringify([zones, success, denial, withoutSuccess, withoutDenial])
}

/**
 * Warns of a CAPACITY that the byte budget of all caches never lets come about: it is no error, since
 * memory is only taken for what is stored, and node-cache starts with it.
 *
 * @param limit bytes of the budget
 */
function warnOfCapacity(
  { options }: Directive,
  config: CacheConfig,
  limit: number,
  warn: Warn,
): void {
  const most = Math.floor(limit / MIN_ENTRY_BYTES)
  for (const kind of ['success', 'denial'] as const) {
    const option = options?.findLast(({ name }) => name.text === kind)
    if (option === undefined || config[kind].capacity <= most) continue
    const { text, file, line } = option.args[0] ?? option.name
    warn(
      `${file}:${line} - '${text}' is more than there is memory for: all caches share ` +
        `${Math.round(limit / MIB)} MiB, ${most} small answers; those used last are kept`,
    )
  }
}
