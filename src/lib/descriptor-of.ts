import type { Server, Socket } from 'node:net'

/**
 * The descriptor of an open server or connection of Node's; −1 where it has none, or where this Node
 * keeps it to itself. There is no documented way to ask; Node's own cluster module relies on this one.
 */
export function descriptorOf(owner: Server | Socket): number {
  const { _handle: handle } = owner as { readonly _handle?: { readonly fd?: number } | null }
  return handle?.fd ?? -1
}
