import { ByServer, Histogram, LabelledCounters, TIME_BUCKETS } from '../lib/counters.ts'
import { Type } from '../wire/codes.ts'
import { Outcome, type Query } from './query.ts'

/** CoreDNS's buckets for message sizes in bytes; 8291 is its own slip of the pen. */
const SIZE_BUCKETS: readonly number[] = [
  0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16_000, 32_000, 48_000, 64_000,
]

/** The values of label `type` other than `other`, whose index is 0. */
const namedTypes = [
  ...([Type.A, Type.AAAA, Type.CNAME, Type.DNSKEY, Type.DS, Type.MX, Type.NSEC] as const),
  ...([Type.NSEC3, Type.NS, Type.PTR, Type.RRSIG, Type.SOA, Type.SRV, Type.TXT] as const),
  ...([Type.HTTPS, Type.SVCB, Type.IXFR, Type.AXFR, Type.ANY] as const),
]
/** By type code, the index of its label: the named types are all below 256. */
const typeIndex = new Uint8Array(256)
namedTypes.forEach((type, i) => (typeIndex[type] = i + 1))

const TYPES = namedTypes.length + 1
const FAMILIES = 2
const PROTOCOLS = 2
/** No question could be read. */
const NO_TYPE = 0

/** What one plugin answered, by rcode. */
export interface ResponseCounters {
  readonly plugin: string
  readonly rcodes: number[]
}

/** What is counted of the queries of one server and zone. Indexed by Protocol where that matters. */
export class QueryCounters {
  /** By protocol, family (0 IPv4, 1 IPv6) and type, in this order of significance. */
  readonly requests: Float64Array = new Float64Array(PROTOCOLS * FAMILIES * TYPES)
  dnssecOk = 0
  readonly durations: Histogram = new Histogram(TIME_BUCKETS)
  readonly requestSizes: readonly Histogram[] = sizeHistograms()
  readonly responseSizes: readonly Histogram[] = sizeHistograms()
  readonly responses: ResponseCounters[] = []

  /** Counts a query that took `seconds`. Allocates only for a plugin or rcode it has not met yet. */
  count(q: Query, seconds: number): void {
    const { target, question } = q
    const { protocol } = target
    const type = question.end === 0 ? NO_TYPE : (typeIndex[question.type] ?? 0)
    this.requests[indexOf(protocol, target.isIPv6(q) ? 1 : 0, type)]!++
    if (q.edns.dnssecOk) this.dnssecOk++
    this.durations.observe(seconds)
    this.requestSizes[protocol]!.observe(q.size)
    // A dropped query has no response to count.
    if (q.outcome === Outcome.Drop) return
    this.responseSizes[protocol]!.observe(q.outLength)
    const { rcodes } = this.#responsesOf(q.answeredBy)
    while (rcodes.length <= q.rcode) rcodes.push(0)
    rcodes[q.rcode]!++
  }

  #responsesOf(plugin: string): ResponseCounters {
    const { responses } = this
    for (let i = 0; i < responses.length; i++) {
      if (responses[i]!.plugin === plugin) return responses[i]!
    }
    const made = { plugin, rcodes: [] }
    responses.push(made)
    return made
  }
}

/** Labels: server, zone, view. They outlive reloads. */
export const queryCounters: LabelledCounters<QueryCounters> = new LabelledCounters(
  () => new QueryCounters(),
)

/** What CoreDNS calls queries that its server answers before any plugin. */
const dropped = new ByServer(queryCounters, 'dropped', '')

/**
 * Counts a query that the server itself has answered: no zone, a class it does not serve, a question
 * or OPT record it cannot read, an opcode or EDNS version it does not know.
 */
export function recordDropped(q: Query): void {
  dropped.of(q.server).count(q, 0)
}

/** Calls `each` with the label values and count of every kind of request that occurred. */
export function eachRequest(
  { requests }: QueryCounters,
  each: (protocol: number, family: number, type: number | null, count: number) => void,
): void {
  for (let protocol = 0; protocol < PROTOCOLS; protocol++) {
    for (let family = 0; family < FAMILIES; family++) {
      for (let type = 0; type < TYPES; type++) {
        const count = requests[indexOf(protocol, family, type)]!
        if (count > 0) each(protocol, family, namedTypes[type - 1] ?? null, count)
      }
    }
  }
}

function indexOf(protocol: number, family: number, type: number): number {
  return (protocol * FAMILIES + family) * TYPES + type
}

function sizeHistograms(): Histogram[] {
  return Array.from({ length: PROTOCOLS }, () => new Histogram(SIZE_BUCKETS))
}
