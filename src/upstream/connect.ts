import { connect, type Socket } from 'node:net'

import { sourceFor } from '../lib/address.ts'
import type { ChannelOptions } from './channel.ts'

/** Begins to connect to the upstream. What comes is read into the buffer of all connections: `read` uses it up. */
export function connectTo(
  { context, endpoint, source }: ChannelOptions,
  read: (size: number) => boolean,
): Socket {
  const localAddress = sourceFor(endpoint.host, source)
  const socket = connect({
    host: endpoint.host,
    port: endpoint.port,
    ...(localAddress === undefined ? {} : { localAddress }),
    noDelay: true,
    onread: { buffer: context.readBuffer, callback: read },
  })
  // connect() begins in process.nextTick.
  context.turn.endLater()
  return socket
}
