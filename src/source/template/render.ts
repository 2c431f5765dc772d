/** What the original replaces in its base file. The installer replaces others before. */
export const Placeholder = {
  /** The upstream Service's ClusterIP. */
  ClusterDns: '__PILLAR__CLUSTER__DNS__',
  /** Name servers for names outside the cluster. */
  UpstreamServers: '__PILLAR__UPSTREAM__SERVERS__',
  /** The addresses of -localip. */
  LocalDns: '__PILLAR__LOCAL__DNS__',
  /** Left over where kube-dns's ClusterIP is not listened on (IPVS): nothing. */
  DnsServer: '__PILLAR__DNS__SERVER__',
  /** The value of -prometheus-listen-address. */
  Prometheus: '__PROMETHEUS__ENDPOINT__',
} as const

/** What comes in place of the placeholders. */
export interface TemplateValues {
  readonly localIps: readonly string[]
  /** ClusterIP of the upstream Service, null while it is not known. */
  readonly upstream: string | null
  /** Of the kube-dns ConfigMap; none: those of /etc/resolv.conf. */
  readonly upstreamServers: readonly string[]
  /** For `prometheus` directives. */
  readonly prometheus: string
}

/** The node's name servers, as `forward` reads them. */
const RESOLV_CONF = '/etc/resolv.conf'

/**
 * Stands for a ClusterIP that is not known: nobody listens there (discard, RFC 863), so the zones that
 * need it answer SERVFAIL at once. The original writes `<nil>`, which ends it.
 */
const NOBODY = '127.0.0.1:9'

/**
 * The Corefile that a base file stands for. Every line stays on its line, so that errors in the
 * result name the right one of the base file. Pure: the same input gives the same text.
 */
export function render(base: string, values: TemplateValues): string {
  const { localIps, upstream, upstreamServers } = values
  const own = upstreamServers.length > 0
  return (own ? withoutForceTcp(base) : base)
    .replaceAll(Placeholder.UpstreamServers, own ? upstreamServers.join(' ') : RESOLV_CONF)
    .replaceAll(CLUSTER_DNS, (_match, port: string | undefined) => endpoint(upstream, port))
    .replaceAll(Placeholder.LocalDns, localIps.join(' '))
    .replaceAll(Placeholder.DnsServer, '')
    .replaceAll(Placeholder.Prometheus, () => values.prometheus)
}

/** Placeholders that are still in a rendered text, each once: the installer has missed them. */
export function leftPlaceholders(text: string): readonly string[] {
  return [...new Set(text.match(/__PILLAR__[A-Z_]*__/g))]
}

/** With the port that a base file may put behind it. */
const CLUSTER_DNS = new RegExp(`${Placeholder.ClusterDns}(:\\d+)?`, 'g')

function endpoint(address: string | null, port: string | undefined): string {
  if (address === null) return NOBODY
  if (port === undefined) return address
  return address.includes(':') ? `[${address}]${port}` : address + port
}

/**
 * Empties the `force_tcp` lines of `forward` directives that name the upstream servers: those of the
 * ConfigMap are asked over UDP, as in the original, since not all of them answer TCP.
 */
function withoutForceTcp(text: string): string {
  let inside = false
  const lines = text.split('\n').map((line) => {
    const words = line.replace(/#.*/, '').trim().split(/\s+/)
    if (words[0] === 'forward' && words.includes(Placeholder.UpstreamServers)) {
      inside = words.includes('{')
      return line.replace(/\{\s+force_tcp(?=\s|$)/, '{')
    }
    if (words[0] === '}') inside = false
    return inside && words[0] === 'force_tcp' ? '' : line
  })
  return lines.join('\n')
}
