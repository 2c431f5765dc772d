import type { Server } from 'node:net'

/**
 * The descriptor a server of Node's listens on; −1 where it does not, or where this Node keeps it to
 * itself. Node has no documented way to ask; its own cluster module relies on this one.
 */
export function listeningDescriptor(server: Server): number {
  const { _handle: handle } = server as Server & {
    readonly _handle?: { readonly fd?: number } | null
  }
  return handle?.fd ?? -1
}
