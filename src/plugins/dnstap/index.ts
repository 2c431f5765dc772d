import type { BlockContext, Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { type DnstapConfig, readConfigs } from './config.ts'
import { type DnstapCounters, dnstapCounters, metrics } from './counters.ts'
import { Listener } from './listener.ts'
import { type Destination, Sink } from './sink.ts'
import { Tap } from './tap.ts'

/** As in CoreDNS: time between two warnings of what was dropped. */
const TELL_MS = 10_000

/** `dnstap`: copies of queries and answers for collectors. */
export const dnstap: Plugin = {
  name: 'dnstap',
  changesAnswers: false,
  metrics,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('dnstap')
    const configs = readConfigs(directives, (message) => log.warning(message))
    const destinations = configs.map((config) => destinationOf(config, block))
    const taps = configs.map((config, i) => new Tap(config, destinations[i]!, block))
    const counters = configs.map((config) => dnstapCounters.get(endpointOf(config)))
    let teller: NodeJS.Timeout | null = null
    return {
      wrap: (next: Handler): Handler => {
        return (q) => {
          for (let i = 0; i < taps.length; i++) taps[i]!.query(q)
          next(q)
        }
      },
      observe(q) {
        for (let i = 0; i < taps.length; i++) taps[i]!.response(q)
      },
      exchanged(q, exchange) {
        for (const tap of taps) tap.exchanged(q, exchange)
      },
      start(): Promise<void> {
        for (const destination of destinations) destination.start()
        const tell = dropTeller(counters, (message) => log.warning(message))
        teller = setInterval(tell, TELL_MS).unref()
        return Promise.resolve()
      },
      async stop(final): Promise<void> {
        if (teller !== null) clearInterval(teller)
        if (final) await Promise.all(destinations.map((destination) => destination.end()))
      },
      describe: () => configs.map((config) => `${endpointOf(config)}${config.full ? ' full' : ''}`),
    }
  },
}

function endpointOf({ address, listens, transport }: DnstapConfig): string {
  return `${listens ? 'listen ' : ''}${transport}://${address}`
}

/** The destination of a directive: kept over reloads, and shared by blocks that have the same. */
function destinationOf(config: DnstapConfig, { services }: BlockContext): Destination {
  const { address, queue, skipVerify, tls, transport, writeBuffer } = config
  const log = services.log.plugin('dnstap')
  const endpoint = endpointOf(config)
  const counters = dnstapCounters.get(endpoint)
  const parts = { address, queue, skipVerify, tls, transport, writeBuffer }
  return services.keep<Destination>(
    `dnstap ${endpoint} ${JSON.stringify(parts)}`,
    () => (config.listens ? new Listener(parts, counters, log) : new Sink(parts, counters, log)),
    endDestination,
  )
}

/** Bound to nothing, as what it ends outlives configurations. */
function endDestination(destination: Destination): void {
  void destination.end()
}

/** Warns of what was dropped since it was called last. */
function dropTeller(
  counters: readonly DnstapCounters[],
  warn: (message: string) => void,
): () => void {
  let before = total(counters)
  return () => {
    const now = total(counters)
    if (now > before) warn(`Dropped dnstap messages: ${now - before}`)
    before = now
  }
}

function total(counters: readonly DnstapCounters[]): number {
  return counters.reduce((sum, { dropped }) => sum + dropped, 0)
}
