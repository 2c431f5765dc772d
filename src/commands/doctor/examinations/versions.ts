import type { Examination } from '../examination.ts'
import { ok, type Said, warning } from '../finding.ts'

/** What runs here, and whether it fits together. */
export const versions: Examination = {
  area: 'Versions',
  where: 'both',
  ids: ['versions', 'version-differs', 'filters-mixed'],
  examine({ software, daemon: { status }, rules }) {
    const said: Said[] = []
    const running = 'value' in status ? status.value.version : null
    const { dnslet, node, kernel } = software
    const seen = [`dnslet ${dnslet}, Node.js ${node}, Linux ${kernel}`, ...rules.programs]
    if (running !== null && running !== dnslet) {
      said.push(
        warning('version-differs', `the running dnslet is ${running}, this is ${dnslet}`, {
          seen,
          meaning: 'What this report says of rules and state may not fit the other version.',
          remedy: ['run the doctor of the running image: kubectl exec into its pod'],
        }),
      )
    }
    const used = ('value' in rules.iptables ? rules.iptables.value : []).filter(
      ({ hasServices }) => hasServices,
    )
    if (used.length > 1) {
      said.push(
        warning('filters-mixed', 'rules of kube-proxy are in both iptables, nft and legacy', {
          seen: used.map(({ backend }) => `${backend.ipv4} has KUBE-SERVICES`),
          meaning:
            'One of them is a leftover, and the kernel applies both: packets go where nobody expects.',
          remedy: [
            'find out which kube-proxy uses (iptables -V in its image), flush the other, or reboot the node',
          ],
        }),
      )
    }
    return said.length > 0 ? said : [ok('versions', 'versions fit together', ...seen)]
  },
}
