import { renderConfig } from './render.ts'
import { type Place, type Server, environment } from './server.ts'

/** The authoritative server that answers the misses of all others. */
export function nsd(place: Place): Server {
  return {
    name: 'nsd',
    port: place.port,
    argv: ['nsd', '-d', '-c', renderConfig('nsd.conf', place)],
    env: environment(place),
    versionArgv: ['nsd', '-v'],
  }
}
