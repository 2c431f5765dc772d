import type { Plugin } from '../serve/plugin.ts'
import { any } from './any/index.ts'
import { bind } from './bind/index.ts'
import { cache } from './cache/index.ts'
import { errors } from './errors/index.ts'
import { forward } from './forward/index.ts'
import { health } from './health/index.ts'
import { log } from './log/index.ts'
import { loop } from './loop/index.ts'
import { prometheus } from './prometheus/index.ts'
import { ready } from './ready/index.ts'
import { reload } from './reload/index.ts'

/**
 * All plugins, in the order a query meets them whatever the Corefile's order is: CoreDNS's, but for
 * `loop`. It has to see its own query come back, and a cache that merges identical questions would
 * let that query wait for itself.
 */
export const plugins: readonly Plugin[] = [
  reload,
  bind,
  ready,
  health,
  prometheus,
  errors,
  log,
  any,
  loop,
  cache,
  forward,
]

/**
 * Every directive of CoreDNS 1.14, in its order. One that stands here but not above is refused as
 * "no action found"; one that does not stand here either is taken for a typing mistake.
 */
export const knownDirectives: readonly string[] = [
  'root metadata geoip cancel tls quic https https3 grpc_server proxyproto timeouts',
  'multisocket reload nsid bufsize bind debug trace ready health pprof shed prometheus errors',
  'log dnstap local dns64 any chaos loadbalance tsig rewrite autopath acl cache header dnssec',
  'minimal template transfer hosts route53 azure clouddns k8s_external kubernetes file auto',
  'secondary etcd nomad loop forward grpc erratic whoami on sign view',
].flatMap((line) => line.split(' '))
