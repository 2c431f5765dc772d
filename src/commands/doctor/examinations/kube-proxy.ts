import type { Examination } from '../examination.ts'
import { broken, ok, type Said, warning, unknown } from '../finding.ts'
import { toListRules } from '../to-list-rules.ts'

/** Who answers when dnslet does not, and whether it lets dnslet answer. */
export const kubeProxy: Examination = {
  area: 'Clients',
  where: 'node',
  ids: [
    'kube-proxy',
    'kube-proxy-none',
    'kube-proxy-unseen',
    'ipvs-holds-address',
    'kubelet-bypasses',
  ],
  examine({ kubeProxy: { mode, unserved, heldByIpvs }, kubelet, addresses }) {
    const said: Said[] = []
    if (heldByIpvs.length > 0) {
      said.push(
        broken('ipvs-holds-address', `kube-proxy in IPVS mode holds ${heldByIpvs.join(', ')}`, {
          seen: ['on link kube-ipvs0'],
          meaning: 'Queries to it go to kube-dns and cannot be intercepted.',
          remedy: ['use -localip 169.254.20.10 and kubelet --cluster-dns=169.254.20.10'],
        }),
      )
    }
    if ('why' in mode) {
      said.push(
        unknown('kube-proxy-unseen', "kube-proxy's mode is not to be seen", {
          seen: [mode.why],
          remedy: [toListRules(mode)],
        }),
      )
    } else if (unserved.length > 0) {
      said.push(
        warning('kube-proxy-none', `no rule of kube-proxy leads to ${unserved.join(', ')}`, {
          seen: [`kube-proxy: ${mode.value === 'none' ? 'no rules, no kube-ipvs0' : mode.value}`],
          meaning:
            'While dnslet is dead nobody but known pods of kube-dns answers there. Right with eBPF in ' +
            'place of kube-proxy; else the Service does not exist, or kube-proxy is down.',
          remedy: [
            'kubectl -n kube-system get service kube-dns',
            'kubectl -n kube-system get pods -l k8s-app=kube-proxy',
          ],
        }),
      )
    } else if (mode.value !== 'none') {
      said.push(
        ok('kube-proxy', `kube-proxy: ${mode.value}; kube-dns answers when dnslet does not`),
      )
    }
    const elsewhere = (kubelet?.addresses ?? []).filter((one) => !addresses.includes(one))
    if (kubelet !== null && addresses.length > 0 && elsewhere.length === kubelet.addresses.length) {
      said.push(
        broken('kubelet-bypasses', `kubelet tells pods to ask ${elsewhere.join(', ')}`, {
          seen: [kubelet.from, `dnslet serves ${addresses.join(', ')}`],
          meaning: 'Their queries go past dnslet.',
          remedy: [`add ${elsewhere[0]} to -localip, or set clusterDNS: [${addresses[0]}]`],
        }),
      )
    }
    return said
  },
}
