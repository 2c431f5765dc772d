import { broken, type Said, warning } from './finding.ts'

/** The cluster's upstream does not know the name that was asked for. */
export function noAnswer(
  upstream: string,
  rcode: string,
  name: string,
  seen: readonly string[],
): Said {
  const title = `${upstream} answers ${name} with ${rcode}`
  if (rcode === 'NXDOMAIN' || rcode === 'NOERROR') {
    return broken('upstream-wrong', rcode === 'NOERROR' ? `${title} and no record` : title, {
      seen,
      meaning:
        'It does not know a name that every cluster has: it is not the DNS of this cluster, or the ' +
        "cluster's zone is another.",
      remedy: [
        'compare -upstreamsvc and the forward lines: dnslet check',
        'another zone than cluster.local: --name',
      ],
    })
  }
  return broken('upstream-failing', title, {
    seen,
    meaning:
      'It lives and cannot answer for the cluster: kube-dns without its API server, or a refused client.',
    remedy: ['kubectl -n kube-system logs -l k8s-app=kube-dns --tail=50'],
  })
}

/** A resolver has no answer for the root. */
export function noResolver(upstream: string, rcode: string, seen: readonly string[]): Said {
  return warning('upstream-failing', `${upstream} answers . NS with ${rcode}`, {
    seen,
    meaning:
      'What every resolver knows. Where it answers all names so, clients get that as it is: it cannot reach ' +
      'the name servers of others, or does not resolve for this node.',
    remedy: [
      'dnslet explain www.example.com -ask',
      "its log and its clients' access list; or another server in the forward line",
    ],
  })
}
