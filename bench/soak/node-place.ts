import { addresses, LINK_LOCAL } from '../../test/helpers/node-model/addresses.ts'
import { NodeModel, type Place as Namespace } from '../../test/helpers/node-model/node-model.ts'
import type { Owner } from '../../test/helpers/processes.ts'
import { OWN_SESSION, type Place, PODS, removeAtExit, type Spot } from './place.ts'

const { ipv4 } = addresses
/** Addresses of further pods, which live in the one pod's namespace: 10.244.1.97 and up, within a /27. */
const CLIENTS = 20
const FIRST_CLIENT = 97
const CLIENT_RANGE = '10.244.1.96/27'
const PORT = 53

/** A node in network namespaces, with the rules of kube-proxy in its kernel. Needs root. */
export async function nodePlace(owner: Owner): Promise<Place> {
  const options = { kubeDnsPods: PODS, kubeDns: 'none', lan: 'none' } as const
  const model = await NodeModel.create(owner, options)
  model.owner.after(removeAtExit(model.folder))
  const clients = Array.from({ length: CLIENTS }, (_, i) => `10.244.1.${FIRST_CLIENT + i}`)
  const commands: [Namespace, string][] = [
    ['pod', clients.map((address) => `ip addr add ${address}/32 dev eth0`).join(' && ')],
    ['node', `ip route add ${CLIENT_RANGE} dev veth-pod`],
  ]
  for (const [place, command] of commands) {
    const { code, output } = await model.exec(place, ['sh', '-c', command])
    if (code !== 0) throw new Error(`Cannot prepare the node: ${output}`)
  }
  return {
    describe: 'a node in network namespaces: kube-proxy leads to the kube-dns pods',
    folder: model.folder,
    intercepted: { host: ipv4.kubeDns, port: PORT },
    // Where kubelet's --cluster-dns may point to, which kube-proxy knows nothing of.
    server: { host: LINK_LOCAL, port: PORT },
    clients,
    pods: Array.from({ length: PODS }, (_, i) => ({ host: ipv4.kubeDnsPod(i), port: PORT })),
    outside: { host: ipv4.lan, port: PORT },
    clusterDns: [{ host: ipv4.upstream, port: PORT }],
    metrics: { bind: ':9253', url: `http://${ipv4.node}:9253/metrics` },
    health: `${ipv4.node}:8080`,
    intercepts: true,
    owner: model.owner,
    spawn: (spot, argv, env) => model.spawn(namespaceOf(spot), [...OWN_SESSION, ...argv], env),
    async startDnslet(corefile) {
      const running = await model.startDnslet(undefined, { corefile, wrapper: OWN_SESSION })
      return { running, corefile: running.base }
    },
    close: () => model.close(),
  }
}

/** The model's name for a spot. */
function namespaceOf(spot: Spot): Namespace {
  if (spot === 'clients') return 'pod'
  return spot === 'outside' ? 'lan' : spot
}
