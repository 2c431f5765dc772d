import type { BindOptions } from 'node:dgram'
import type { Socket, TcpNetConnectOpts } from 'node:net'
import { type Endpoint, joinHostPort, sourceFor } from '../lib/address.ts'

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

/** Our own address and port; '' before it is connected. */
export function localOf({ localAddress, localPort }: Socket): string {
  return localAddress === undefined ? '' : joinHostPort(localAddress, localPort!)
}
