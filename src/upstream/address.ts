import type { BindOptions } from 'node:dgram'
import type { TcpNetConnectOpts } from 'node:net'
import { type Endpoint, sourceFor } from '../lib/address.ts'

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
