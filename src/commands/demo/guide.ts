/** Where the demo's parts listen. */
export interface Places {
  readonly version: string
  readonly address: string
  readonly port: number
  /** The stand-in for kube-dns, `address:port`. */
  readonly standIn: string
  /** Name servers of /etc/resolv.conf, none where it cannot be used. */
  readonly nameServers: readonly string[]
  /** `host:port` of /metrics and of /health. */
  readonly metrics: string
  readonly health: string
  /** The admin socket; null where there is none. */
  readonly socket: string | null
}

/** Arguments of dig, and what they show. */
const examples: readonly (readonly [args: string, shows: string])[] = [
  ['web.default.svc.cluster.local', 'a Service; again: from the cache, with a smaller TTL'],
  ['web.default.svc.cluster.local AAAA', 'its IPv6 address'],
  ['db.default.svc.cluster.local', 'a headless Service: the addresses of its pods'],
  ['_postgres._tcp.db.default.svc.cluster.local SRV', 'the port behind each of them'],
  ['shop.default.svc.cluster.local', 'a Service of type ExternalName: CNAME'],
  ['-x 10.96.20.30', 'the way back from an address: PTR'],
  ['nowhere.default.svc.cluster.local', 'no such Service: NXDOMAIN'],
  ['db.default.svc.cluster.local +tcp', 'the same over TCP'],
  ['ms300.shop.default.svc.cluster.local', 'a name for which kube-dns needs 300 ms'],
]

/** Commands that ask the demo over its socket. */
const asking: readonly string[] = ['top', 'explain web.default.svc.cluster.local']

/** What the demo says at its start, one paragraph each for where, what to try and how to end it. */
export function guide(places: Places): string {
  const { version, address, port, standIn, nameServers, metrics, health, socket } = places
  const others =
    nameServers.length === 0
      ? 'REFUSED: /etc/resolv.conf names no server'
      : `/etc/resolv.conf: ${nameServers.join(', ')}`
  const dig = (args: string): string => `dig @${address} -p ${port} ${args}`
  const width = Math.max(...examples.map(([args]) => dig(args).length))
  const tries = examples.map(([args, shows]) => `  ${dig(args).padEnd(width)}  # ${shows}`)
  const looks = [
    'See what it does, as on a node:',
    `  http://${metrics}/  the status page, for a browser`,
    ...(socket === null
      ? []
      : asking.map((command) => `  bin/dnslet ${command} --socket ${socket}`)),
  ]
  return `dnslet ${version} answers on ${address}:${port}, over UDP and TCP, as Corefile.example says:
  cluster.local and reverse zones  a stand-in for kube-dns on ${standIn}
  all other names                  ${others}

Try, in another terminal:
${tries.join('\n')}
  curl http://${metrics}/metrics
  curl http://${health}/health

${looks.join('\n')}

Ctrl-C ends the demo.
`
}
