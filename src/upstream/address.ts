import { isIPv6 } from 'node:net'

/** Where an upstream listens. */
export interface Endpoint {
  /** An IP address, with its zone (`%eth0`) where it is link-local, without brackets. */
  readonly host: string
  readonly port: number
}

/** `ip:port`, IPv6 in brackets: the `to` label of metrics. */
export function endpointText({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The source address to use towards `host`; undefined: the system chooses (other family). */
export function sourceFor(host: string, source: string | null): string | undefined {
  return source !== null && isIPv6(source) === isIPv6(host) ? source : undefined
}
