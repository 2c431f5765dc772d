/** What stands behind the servers: one that answers as it can, one that answers in order. */
export type UpstreamName = 'nsd' | 'in-order'

/** One kind of load; scenarios are measured in the order of `scenarios`. */
export interface Scenario {
  readonly name: string
  readonly title: string
  /** A query file of names.ts. */
  readonly file: string
  readonly transport: 'udp' | 'tcp'
  readonly clients: number
  /** Queries in flight, over all clients. */
  readonly outstanding: number
  /** Read the file once only, because its names must be unique. */
  readonly once: boolean
  /** Who is asked for its misses. */
  readonly upstream: UpstreamName
  /** Response codes of correct answers. */
  readonly expected: readonly string[]
  /** Queries per second of the latency run, null: as they come; null for both: none is made. */
  readonly latency: { readonly rate: number | null } | null
  /** CPU time too is that of the latency run: nothing is asked at full speed. */
  readonly paced: boolean
}

const usual = {
  transport: 'udp',
  clients: 8,
  outstanding: 100,
  once: false,
  upstream: 'nsd',
  expected: ['NOERROR'],
  paced: false,
} as const

/** As pods ask: each of their queries comes from a socket of its own, and the next one much later. */
const asPods = { ...usual, clients: 100, paced: true } as const

/** Of hits, per second. */
const LATENCY_RATE = 20_000

/**
 * What a node asks comes first, then what a server can do. Hits at full speed come before such misses:
 * dnsdist's packet cache takes no new entry once it is full, and would answer no hit after them. The latency rates are the same for every server and below what
 * the slowest of them can do, so that the percentiles show the server and not a queue.
 */
export const scenarios: readonly Scenario[] = [
  {
    ...asPods,
    name: 'calm',
    title: 'Calm: 1,000 hits a second from 100 sockets',
    file: 'hits',
    latency: { rate: 1000 },
  },
  {
    ...asPods,
    name: 'steady',
    title: 'Steady: 5,000 hits a second from 100 sockets',
    file: 'hits',
    latency: { rate: 5000 },
  },
  {
    ...asPods,
    name: 'calm-misses',
    title: 'Calm misses: 1,000 unique names a second from 100 sockets, upstream over TCP',
    file: 'calm-misses',
    once: true,
    latency: { rate: 1000 },
  },
  {
    ...usual,
    name: 'serial',
    title: 'One outstanding query at a time: hits over UDP',
    file: 'hits',
    clients: 1,
    outstanding: 1,
    latency: { rate: null },
  },
  {
    ...usual,
    name: 'crowd',
    title: 'Crowd: hits at full speed from 250 sockets',
    file: 'hits',
    clients: 250,
    outstanding: 250,
    latency: { rate: LATENCY_RATE },
  },
  {
    ...usual,
    name: 'hits',
    title: 'Hits at full speed from 8 sockets, 1,000 names',
    file: 'hits',
    latency: { rate: LATENCY_RATE },
  },
  {
    ...usual,
    name: 'tcp',
    title: 'TCP clients: hits over 8 connections',
    file: 'hits',
    transport: 'tcp',
    latency: { rate: LATENCY_RATE },
  },
  {
    ...usual,
    name: 'mix',
    title: 'Mix: 90 % hits, 10 % misses over UDP',
    file: 'mix',
    once: true,
    latency: { rate: 10_000 },
  },
  {
    ...usual,
    name: 'misses',
    title: 'Misses: unique names over UDP, upstream over TCP',
    file: 'misses',
    once: true,
    latency: { rate: 5000 },
  },
  {
    ...usual,
    name: 'memory',
    title: 'Memory: after 45,000 unique names and 45,000 NXDOMAIN, with full caches',
    file: 'storm',
    once: true,
    expected: ['NOERROR', 'NXDOMAIN'],
    latency: null,
  },
  // The last one: what its connections cost is in no other scenario's memory.
  {
    ...usual,
    name: 'in-order',
    title: 'Misses behind CoreDNS: answered in order on each connection, one in 200 after 20 ms',
    file: 'in-order',
    once: true,
    upstream: 'in-order',
    latency: { rate: 5000 },
  },
]

/** Every round starts all servers anew: this name in `--scenarios` has the times reported. */
export const START = 'start'

/** No load either: this name has what servers use that have served and are not asked any more. */
export const IDLE = 'idle'

/** What `--scenarios` takes. */
export const scenarioNames: readonly string[] = [...scenarios.map(({ name }) => name), IDLE, START]

/** Looks a scenario up. Throws Error for an unknown name. */
export function findScenario(name: string): Scenario {
  const scenario = scenarios.find((candidate) => candidate.name === name)
  if (scenario !== undefined) return scenario
  throw new Error(`Cannot find scenario "${name}": known are ${scenarioNames.join(', ')}`)
}
