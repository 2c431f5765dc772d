import { officialCorefile } from '../../test/helpers/node-model/official-corefile.ts'

/** What differs from the official Corefile. */
export interface CorefilePlace {
  /** Addresses to serve at. */
  readonly bind: readonly string[]
  readonly port: number
  /** Where names of the cluster go, as `forward` has it. */
  readonly clusterDns: string
  readonly upstreamDns: string
  /** `address:port`, or `:port`. */
  readonly metrics: string
  readonly health: string
  /** `reload`'s interval. */
  readonly reloadSeconds: number
}

/**
 * The Corefile of the official manifest, for a place of the soak. Every second one has a stub domain more, as a
 * ConfigMap gets one that is edited; what the soak asks for is not in it.
 */
export function soakCorefile(place: CorefilePlace, edition: number): string {
  const { bind, port, clusterDns, upstreamDns, metrics, health } = place
  const changes: [RegExp, string][] = [
    [/bind .*/g, `bind ${bind.join(' ')}`],
    [/:53 \{/g, `:${port} {`],
    [/__PILLAR__CLUSTER__DNS__/g, clusterDns],
    [/__PILLAR__UPSTREAM__SERVERS__/g, upstreamDns],
    [/prometheus .*/g, `prometheus ${metrics}`],
    [/health .*/g, `health ${health}`],
    // Half of the interval is the most jitter that CoreDNS takes.
    [/reload$/gm, `reload ${place.reloadSeconds}s ${place.reloadSeconds / 2}s`],
  ]
  const official = officialCorefile(['ipv4'])
  const text = changes.reduce((so, [from, to]) => so.replaceAll(from, to), official)
  const stub = `corp.example:${port} {
    errors
    cache 30
    bind ${bind.join(' ')}
    forward . ${upstreamDns}
}
`
  return edition % 2 === 0 ? text : text + stub
}
