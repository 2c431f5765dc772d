import { plural } from '../../../lib/plural.ts'
import type { Examination } from '../examination.ts'
import type { Facts } from '../facts.ts'
import { broken, ok, type Said, unknown, warning } from '../finding.ts'
import { toListRules } from '../to-list-rules.ts'

const CLEANUP =
  'dnslet cleanup -localip with the addresses that were served (a dnslet that starts does so too)'

/** What an earlier node-cache or dnslet has left behind. */
export const leftovers: Examination = {
  area: 'Leftovers',
  where: 'node',
  ids: ['leftovers', 'leftovers-unseen', 'node-cache-rules', 'node-cache-link', 'rules-abandoned'],
  examine(facts) {
    const said = [...nodeCacheRules(facts), ...link(facts), ...abandoned(facts)]
    if (said.length > 0) return said
    const { nft, iptables } = facts.rules
    const hidden = [nft, iptables].filter((one) => 'why' in one)
    if (hidden.length > 0) {
      return [
        unknown('leftovers-unseen', 'whether rules were left behind is not to be seen', {
          seen: [...new Set(hidden.map(({ why }) => why))],
          remedy: [toListRules(...hidden)],
        }),
      ]
    }
    return [ok('leftovers', 'nothing was left behind by node-cache or an earlier dnslet')]
  },
}

function nodeCacheRules({ rules, listeners }: Facts): readonly Said[] {
  const found = 'value' in rules.iptables ? rules.iptables.value : []
  const count = found.reduce((sum, { nodeCache }) => sum + nodeCache, 0)
  if (count === 0) return []
  const addresses = [...new Set(found.flatMap(({ unconditional }) => unconditional))]
  const runs = listeners.some(({ command }) => /\bnode-cache\b/.test(command))
  const seen = [
    ...found
      .filter(({ nodeCache }) => nodeCache > 0)
      .map(
        ({ backend, nodeCache }) => `${backend.ipv4}: ${plural(nodeCache, 'rule')} of node-cache`,
      ),
    ...(addresses.length === 0 ? [] : [`not tracked, whoever serves: ${addresses.join(', ')}`]),
  ]
  if (runs) {
    return [
      warning('node-cache-rules', 'node-cache still runs beside dnslet, with rules of its own', {
        seen,
        meaning:
          'Its rules hold whether anybody answers or not: when it is killed, DNS of this node is dead.',
        remedy: ['delete its DaemonSet once dnslet is ready'],
      }),
    ]
  }
  return [
    broken('node-cache-rules', 'rules of a node-cache that is gone keep queries from kube-proxy', {
      seen,
      meaning:
        'Whenever dnslet does not answer, nobody does: the fall-back to kube-dns is cut off.',
      remedy: [CLEANUP, 'see who puts them back: another DaemonSet, an installer'],
    }),
  ]
}

function link({ network, interfaceName, daemon, listeners }: Facts): readonly Said[] {
  if (!('value' in network)) return []
  const found = network.value.links.find(({ name }) => name === interfaceName)
  const isServed =
    isAlive(daemon) || listeners.some(({ command }) => /\bnode-cache\b/.test(command))
  if (found === undefined || isServed) return []
  const held = network.value.held.get(interfaceName) ?? []
  return [
    broken('node-cache-link', `link ${interfaceName} outlived whoever made it`, {
      seen: [`kind ${found.kind || 'hardware'}, addresses ${held.join(', ') || '(none)'}`],
      meaning: 'Its addresses are local, and nobody serves there: queries to them are lost.',
      remedy: [CLEANUP, `or: ip link delete ${interfaceName}`],
    }),
  ]
}

function isAlive({ processes, status }: Facts['daemon']): boolean {
  return processes.length > 0 || 'value' in status
}

/** Rules of ours without us. */
function abandoned({ rules, daemon }: Facts): readonly Said[] {
  if (isAlive(daemon)) return []
  const tables = 'value' in rules.nft ? rules.nft.value.map(({ name }) => `table inet ${name}`) : []
  const chains = ('value' in rules.iptables ? rules.iptables.value : []).flatMap(
    ({ backend, ours }) => (ours === 0 ? [] : [`${backend.ipv4}: ${ours} rules of dnslet`]),
  )
  const seen = [...tables, ...chains]
  if (seen.length === 0) return []
  return [
    warning('rules-abandoned', 'rules of a dnslet that is gone are still here', {
      seen,
      meaning:
        'They intercept nothing any more. What leads 169.254.20.10 to pods of kube-dns ends within 70 minutes ' +
        'of the last sign of life.',
      remedy: ['where dnslet does not come back: dnslet cleanup'],
    }),
  ]
}
