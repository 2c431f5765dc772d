import { join } from 'node:path'

import { type Place, type Server, environment } from './server.ts'

const program = join(import.meta.dirname, '../in-order-main.ts')

/** The upstream that answers each connection in order, as CoreDNS does. */
export function inOrder(place: Place): Server {
  return {
    name: 'in-order',
    port: place.port,
    argv: [process.execPath, program, String(place.port)],
    env: environment(place),
    versionArgv: [process.execPath, '--version'],
  }
}
