import { renderConfig } from './render.ts'
import { type Place, type Server, environment } from './server.ts'

export function unbound(place: Place): Server {
  return {
    name: 'unbound',
    port: place.port,
    argv: ['unbound', '-d', '-c', renderConfig('unbound.conf', place)],
    env: environment(place),
    versionArgv: ['unbound', '-V'],
  }
}
