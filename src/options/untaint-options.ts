import { canonicalName } from '../corefile/domain-name.ts'
import type { GivenFlags } from './flags.ts'
import { DNS_PORT, localAddresses, portFlag } from './serve-options.ts'
import { invalid, UsageError } from './usage-error.ts'

/** What `dnslet untaint` runs with: frozen, validated, defaults filled in. */
export interface UntaintOptions {
  /** The addresses that have to answer; at least one. */
  readonly addresses: readonly string[]
  readonly port: number
  /** The name they have to know, fully qualified. */
  readonly name: string
  /** Key of the taint. */
  readonly taint: string
}

/** kube-dns knows it in every cluster, and has it from the API server. */
const NAME = 'kubernetes.default.svc.cluster.local.'
/** Cluster Autoscaler expects taints with this prefix to go away: it makes no node for their sake. */
const TAINT = 'startup-taint.cluster-autoscaler.kubernetes.io/dnslet'

/**
 * Reads `dnslet untaint [flags] [name [taint]]`.
 * @throws UsageError where an address, the name or the taint is none
 */
export function untaintOptions(given: GivenFlags): UntaintOptions {
  const [nameText = NAME, taint = TAINT, ...more] = given.rest
  if (more.length > 0) {
    throw new UsageError(1, `extra command line arguments: [${more.join(' ')}]`)
  }
  const addresses = localAddresses(given.text('localip'))
  if (addresses.length === 0)
    throw invalid('-localip is required: the addresses that have to answer')
  const name = canonicalName(nameText)
  if (name === null) throw invalid(`"${nameText}" is no domain name`)
  // A qualified name of Kubernetes: an optional DNS prefix, and a part of at most 63 characters.
  if (!/^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(taint)) {
    throw invalid(`"${taint}" is no key of a taint`)
  }
  return Object.freeze({
    addresses: Object.freeze(addresses),
    port: portFlag(given, DNS_PORT),
    name,
    taint,
  })
}
