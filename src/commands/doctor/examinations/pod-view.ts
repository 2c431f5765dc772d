import type { Examination } from '../examination.ts'
import { unknown } from '../finding.ts'

/** What a pod cannot see. */
export const podView: Examination = {
  area: 'Node',
  where: 'pod',
  ids: ['node-unseen'],
  examine() {
    return [
      unknown('node-unseen', 'the node is not to be seen from inside of a pod', {
        seen: [
          'interface, rules, listeners, the daemon and its counters are in another network namespace',
        ],
        remedy: [
          'kubectl -n kube-system exec PODOFDNSLET -- dnslet doctor',
          'or on the node, as root: dnslet doctor',
        ],
      }),
    ]
  },
}
