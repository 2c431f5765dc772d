import type { Programs } from '../../../host/programs.ts'
import type { NetworkView } from '../../../host/readings/links.ts'
import { type Reading, valueOf } from '../../../host/readings/reading.ts'
import { packetsLed, type RuleListing } from '../../../host/readings/rule-listing.ts'
import { isLinkLocal } from '../../../lib/address.ts'
import type { Facts, OwnQueries, Question } from '../facts.ts'
import type { AskedDaemon } from '../daemon-status.ts'
import { DNS_PORT } from '../../../options/serve-options.ts'
import { probeServer, rootServers } from './probe-server.ts'
import { type KnownUpstream, probeUpstreams, queryFor } from './upstreams.ts'

/** As many servers of resolv.conf as anybody uses. */
const MAX_NAMESERVERS = 3
const MAX_ADDRESSES = 8

/** What probes need to know. */
export interface ProbeParts {
  readonly addresses: readonly string[]
  readonly port: number
  readonly question: Question
  readonly known: readonly KnownUpstream[]
  readonly place: Facts['place']
  readonly programs: Programs
  readonly rules: RuleListing
  readonly asked: AskedDaemon
  readonly network: Reading<NetworkView>
  readonly resolver: Facts['resolver']
}

type Probed = Pick<Facts, 'own' | 'nameservers' | 'upstreams' | 'upstreamsLeftOut'>

/**
 * Asks our own addresses, the servers of resolv.conf and the upstreams, all at the same time and each a few
 * times; some three seconds at most. Never rejects.
 */
export async function probeAll(parts: ProbeParts): Promise<Probed> {
  const { known, question, place, resolver } = parts
  const servers = (valueOf(resolver)?.nameservers ?? []).slice(0, MAX_NAMESERVERS)
  // A node's own servers know nothing of the cluster, and need not hear of it.
  const asked = place.kind === 'pod' ? queryFor(question) : rootServers
  const [own, nameservers, upstreams] = await Promise.all([
    place.kind === 'node' ? askOurselves(parts) : null,
    Promise.all(servers.map((host) => probeServer({ host, port: DNS_PORT }, asked))),
    probeUpstreams(known, question),
  ])
  return { own, nameservers, upstreams: upstreams.probes, upstreamsLeftOut: upstreams.leftOut }
}

async function askOurselves(parts: ProbeParts): Promise<OwnQueries> {
  const { addresses, port, question, network, programs, rules, asked } = parts
  const skipped = addresses.filter((address) => wouldLeave(address, network))
  const among = addresses.filter((one) => !skipped.includes(one)).slice(0, MAX_ADDRESSES)
  const [ledBefore, queriesBefore] = await Promise.all([
    packetsLed(programs, rules),
    asked.queries(),
  ])
  const query = queryFor(question)
  const probes = await Promise.all(among.map((host) => probeServer({ host, port }, query)))
  const [ledAfter, queriesAfter] = await Promise.all([packetsLed(programs, rules), asked.queries()])
  return {
    probes,
    skipped,
    led: { before: ledBefore, after: ledAfter },
    queries: { before: queriesBefore, after: queriesAfter },
  }
}

/** Whether asking `address` would send a packet for nobody into the network. */
function wouldLeave(address: string, network: Reading<NetworkView>): boolean {
  if (!isLinkLocal(address)) return false
  const view = valueOf(network)?.addresses.find((one) => one.address === address)
  return view?.local !== true
}
