import type { ServerBlock } from '../corefile/parse.ts'
import type { Plugin } from '../serve/plugin.ts'
import { LatePlugin } from './later.ts'
import * as list from './list.ts'

/**
 * Every directive of CoreDNS 1.14, in the order a query meets them whatever the Corefile's order is:
 * CoreDNS's, but for `loop`. It has to see its own query come back, and a cache that merges identical
 * questions would let that query wait for itself. `no_aaaa` is ours.
 *
 * One that stands here and is no plugin of ours is refused as "no action found"; one that does not stand
 * here either is taken for a typing mistake.
 */
export const knownDirectives: readonly string[] = [
  'root metadata geoip cancel tls quic https https3 grpc_server proxyproto timeouts',
  'multisocket reload nsid bufsize bind debug trace ready health pprof shed prometheus errors',
  'log dnstap local dns64 any chaos loadbalance tsig rewrite autopath acl no_aaaa loop cache header',
  'dnssec minimal template transfer hosts route53 azure clouddns k8s_external kubernetes file auto',
  'secondary etcd nomad forward grpc erratic whoami on sign view',
].flatMap((line) => line.split(' '))

/** Directives that are left out for a reason of their own, which the error has. */
export const leftOut: ReadonlyMap<string, string> = new Map([
  [
    'autopath',
    "it has to know the namespace of each pod that asks, which the cluster's DNS does and a node's cache does not: " +
      "write it into the Corefile of the cluster's DNS, with `pods verified` of kubernetes",
  ],
])

/** All plugins, in the order a query meets them. Throws where one has no place in it. */
export const plugins: readonly Plugin[] = inOrder(Object.values(list))

const byName: ReadonlyMap<string, Plugin> = new Map(plugins.map((p) => [p.name, p]))

/** The plugin of a directive; undefined where there is none. */
export function pluginOf(directive: string): Plugin | undefined {
  return byName.get(directive)
}

/** Loads what these server blocks need of plugins. Returns those that were not there before. */
export async function loadPlugins(blocks: readonly ServerBlock[]): Promise<readonly Plugin[]> {
  const missing = plugins.filter(
    (p): p is LatePlugin =>
      p instanceof LatePlugin &&
      !p.isLoaded &&
      blocks.some(({ directives }) => directives.has(p.name)),
  )
  await Promise.all(missing.map((plugin) => plugin.load()))
  return missing
}

function inOrder(all: readonly Plugin[]): readonly Plugin[] {
  const place = ({ name }: Plugin): number => {
    const at = knownDirectives.indexOf(name)
    if (at < 0) throw new RangeError(`Cannot order plugin "${name}": add it to knownDirectives`)
    return at
  }
  return all.toSorted((a, b) => place(a) - place(b))
}
