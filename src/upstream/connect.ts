import { connect, type Socket } from 'node:net'

import { connectOptions } from './address.ts'
import type { ChannelOptions } from './channel.ts'

/** Begins to connect to the upstream. What comes is read into the buffer of all connections: `read` uses it up. */
export function connectTo(
  { context, endpoint, source }: ChannelOptions,
  read: (size: number) => boolean,
): Socket {
  const socket = connect({
    ...connectOptions(endpoint, source),
    onread: { buffer: context.readBuffer, callback: read },
  })
  // connect() begins in process.nextTick.
  context.turn.endLater()
  return socket
}
