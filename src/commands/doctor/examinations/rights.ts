import type { Capability } from '../../../host/readings/capabilities.ts'
import type { Examination } from '../examination.ts'
import type { Facts } from '../facts.ts'
import { broken, ok, type Said, unknown } from '../finding.ts'

const NEEDED: readonly Capability[] = ['NET_ADMIN', 'NET_BIND_SERVICE']

/** What we may see, and what the daemon may do. */
export const rights: Examination = {
  area: 'Node',
  where: 'node',
  ids: ['rights', 'rights-missing', 'daemon-rights'],
  examine(facts) {
    return [...own(facts), ...daemons(facts)]
  },
}

function own({ rights: { isRoot, capabilities } }: Facts): readonly Said[] {
  const mayAdmin = 'value' in capabilities && capabilities.value.has('NET_ADMIN')
  if (isRoot && mayAdmin) return [ok('rights', 'doctor may see everything', 'root, with NET_ADMIN')]
  return [
    unknown('rights-missing', 'doctor may not see everything', {
      seen: [isRoot ? 'root, without NET_ADMIN' : 'not root'],
      meaning:
        'Rules, other processes and the admin socket are hidden; what that concerns is unknown.',
      remedy: ['run it as root on the node, or in the container of dnslet: kubectl exec'],
    }),
  ]
}

function daemons({ daemon: { processes, status } }: Facts): readonly Said[] {
  const intercepts = 'value' in status ? status.value.interception.state !== 'none' : true
  if (!intercepts) return []
  return processes.flatMap(({ pid, capabilities }) => {
    const lacks =
      'value' in capabilities ? NEEDED.filter((one) => !capabilities.value.has(one)) : []
    if (lacks.length === 0) return []
    return [
      broken('daemon-rights', `dnslet, process ${pid}, lacks ${lacks.join(' and ')}`, {
        seen: ['CapEff of its /proc status'],
        meaning: 'It cannot keep interface, rules or port.',
        remedy: [`securityContext.capabilities.add: [${lacks.join(', ')}]`],
      }),
    ]
  })
}
