import { isIPv6 } from 'node:net'
import { parseIp } from '../../corefile/ip.ts'
import { reasonOf } from '../../lib/errors.ts'

export interface UpstreamServiceParts {
  /** Name of the Service, in the namespace kube-system. */
  readonly service: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Our own addresses: none of them can be the upstream. */
  readonly localIps: readonly string[]
  /** All addresses of a name; rejects where there are none. Asks kube-dns, never us. */
  lookup(name: string): Promise<readonly string[]>
  /** The same of the server at this address. */
  lookupAt(address: string, name: string): Promise<readonly string[]>
}

/** Where the official manifest puts the Service. */
const NAMESPACE = 'kube-system'

/**
 * The ClusterIP of the upstream Service. The environment has it where the Service is older than the
 * pod; one that was made or remade later is found by its name in the cluster's DNS.
 */
export class UpstreamService {
  readonly #parts: UpstreamServiceParts
  #address: string | null
  #reason = ''

  constructor(parts: UpstreamServiceParts) {
    this.#parts = parts
    const variable = environmentVariable(parts.service)
    const value = parts.env[variable] ?? ''
    this.#address = this.#accept(value, variable)
    if (value === '') this.#reason = `${variable} is not set`
  }

  /** Null while it is not known. */
  get address(): string | null {
    return this.#address
  }

  /** Why the address is not known, for the log. */
  get reason(): string {
    return this.#reason
  }

  /**
   * Asks the DNS of the cluster. Resolves to whether the address has changed; what cannot be found
   * changes nothing. Never rejects.
   *
   * @param domain the cluster's, without its final dot
   */
  async find(domain: string): Promise<boolean> {
    const name = `${this.#parts.service}.${NAMESPACE}.svc.${domain}`
    let found: readonly string[]
    try {
      found = await this.#parts.lookup(name)
    } catch (error) {
      this.#reason = `${name}: ${reasonOf(error)}`
      return false
    }
    const [address, ...more] = found.filter((ip) => isIPv6(ip) === this.#wantsIpv6())
    if (address === undefined || more.length > 0) {
      this.#reason = `${name} has ${more.length === 0 ? 'no' : 'more than one'} address`
      return false
    }
    const accepted = this.#accept(address, name)
    if (accepted === null || accepted === this.#address) return false
    if (this.#address !== null && !(await this.#isKubeDns(accepted, name))) {
      this.#reason = `${name} is ${accepted}, which does not say so itself`
      return false
    }
    this.#address = accepted
    return true
  }

  /**
   * Who serves the cluster's DNS gives the same address. A DNS that answers every name, or that the Service
   * has left behind, does not take the place of an address that is known.
   */
  async #isKubeDns(address: string, name: string): Promise<boolean> {
    try {
      return (await this.#parts.lookupAt(address, name)).includes(address)
    } catch {
      return false
    }
  }

  /** A dual-stack Service has an address of either family: ours is that of the first -localip. */
  #wantsIpv6(): boolean {
    return isIPv6(this.#parts.localIps[0] ?? '')
  }

  #accept(address: string, source: string): string | null {
    if (parseIp(address) === null) {
      this.#reason = `${source} is "${address}", which is no IP address`
      return null
    }
    if (!this.#parts.localIps.includes(address)) return address
    this.#reason =
      `${source} is ${address}, one of -localip: forwarding there would ask ourselves; ` +
      'name a Service with an address of its own, e.g. -upstreamsvc kube-dns-upstream'
    return null
  }
}

/** As kubelet names it: kube-dns-upstream → KUBE_DNS_UPSTREAM_SERVICE_HOST. */
function environmentVariable(service: string): string {
  return `${service.toUpperCase().replaceAll('-', '_')}_SERVICE_HOST`
}
