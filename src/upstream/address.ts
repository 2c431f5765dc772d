import type { BindOptions } from 'node:dgram'
import { isIPv6, type TcpNetConnectOpts } from 'node:net'

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

/** For node:dgram, towards `host`: the kernel chooses the port. */
export function bindOptions(host: string, source: string | null): BindOptions {
  const address = sourceFor(host, source)
  return { port: 0, exclusive: true, ...(address === undefined ? {} : { address }) }
}

/** For node:net. */
export function connectOptions(to: Endpoint, source: string | null): TcpNetConnectOpts {
  const { host, port } = to
  const localAddress = sourceFor(host, source)
  return { host, port, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) }
}
