import type { GivenFlags } from './flags.ts'
import { DNS_PORT, localAddresses, portFlag } from './serve-options.ts'
import { UsageError } from './usage-error.ts'

/** What `dnslet cleanup` runs with: frozen, validated, defaults filled in. */
export interface CleanupOptions {
  /** The addresses that were served; none: nobody may serve any. */
  readonly addresses: readonly string[]
  readonly port: number
  readonly interfaceName: string
}

/**
 * Reads `dnslet cleanup [flags]`: the flags of the dnslet, or node-cache, that was there.
 * @throws UsageError where an address is none, or there are words that mean nothing
 */
export function cleanupOptions(given: GivenFlags): CleanupOptions {
  if (given.rest.length > 0) {
    throw new UsageError(1, `extra command line arguments: [${given.rest.join(' ')}]`)
  }
  return Object.freeze({
    addresses: Object.freeze(localAddresses(given.text('localip'))),
    port: portFlag(given, DNS_PORT),
    interfaceName: given.text('interfacename'),
  })
}
