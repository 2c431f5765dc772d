import { connect, type OnReadOpts, type Socket } from 'node:net'
import { connectOptions } from './address.ts'
import type { ChannelOptions } from './channel.ts'
import { codeOf } from './error-code.ts'

/** Who reads a stream. */
export interface StreamOwner {
  /** The path is open: over TLS, the handshake comes next. */
  reached(): void
  /** Queries may be sent. */
  connected(): void
  /** It ends because of that; `ended` follows. */
  failed(code: string): void
  ended(): void
}

/** Connects to an upstream, over TCP or over TLS. Its owner hears of everything later. */
export function openStream(
  { context, endpoint, secure, source }: ChannelOptions,
  onread: OnReadOpts,
  owner: StreamOwner,
): Socket {
  const socket =
    secure === null
      ? connect({ ...connectOptions(endpoint, source), onread })
      : secure.connect(onread)
  // Both begin in process.nextTick.
  context.turn.endLater()
  socket.on('connect', () => owner.reached())
  socket.on(secure === null ? 'connect' : 'secureConnect', () => owner.connected())
  socket.on('error', (error) => owner.failed(codeOf(error)))
  socket.on('end', () => owner.ended())
  socket.on('close', () => owner.ended())
  return socket
}
