import type { Clock } from '../../lib/clock.ts'
import { zoneTable } from '../../serve/zone-table.ts'
import { Rcode } from '../../wire/codes.ts'
import { exportCaches } from './export.ts'
import { type Admit, CacheImport } from './import.ts'
import { boundSoa, boundTtls } from './policy.ts'
import type { CacheStores, StoreRules } from './stores.ts'

const KEY = 'carried over'

/**
 * Copies what other caches hold into one with other limits or zones, each entry bounded anew: a reload
 * that changes `cache` or a block's zones is no reason to ask the upstream for everything. In slices, so
 * that no query waits for it.
 *
 * @param zones those of the block from now on; what lies outside of them is left out
 */
export async function carryOver(
  from: readonly CacheStores[],
  to: CacheStores,
  rules: StoreRules,
  zones: readonly string[],
  clock: Clock,
): Promise<void> {
  const admit = admission(rules, zones)
  for (const stores of from) {
    const copy = new CacheImport(new Map([[KEY, to]]), clock, Date.now, admit)
    for (const piece of exportCaches(new Map([[KEY, stores]]), clock)) {
      copy.push(piece)
      await new Promise(setImmediate)
    }
  }
}

/** How long an entry may live under the rules of another cache than the one it was stored by. */
function admission(rules: StoreRules, zones: readonly string[]): Admit {
  const served = zoneTable(zones)
  const { success, denial } = rules.config
  const holds = { success: rules.withoutSuccess, denial: rules.withoutDenial }
  return (kind, wire, question, records, seconds) => {
    if (served.find(wire, question) === undefined) return 0
    const excepted = holds[kind]
    if (!excepted.empty && excepted.find(wire, question) !== undefined) return 0
    // A failure has a time of its own, seconds at most.
    if (records.rcode === Rcode.ServFail) return seconds
    const { minTtl, maxTtl } = kind === 'success' ? success : denial
    boundTtls(wire, records, minTtl, maxTtl)
    const bounded = Math.max(minTtl, Math.min(seconds, maxTtl))
    if (kind === 'denial') boundSoa(wire, records, bounded)
    return bounded
  }
}
