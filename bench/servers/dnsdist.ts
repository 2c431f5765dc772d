import { renderConfig } from './render.ts'
import { type Place, type Server, environment } from './server.ts'

export function dnsdist(place: Place): Server {
  const config = renderConfig('dnsdist.lua', place)
  return {
    name: 'dnsdist',
    port: place.port,
    argv: ['dnsdist', '--supervised', '--disable-syslog', '-C', config],
    env: environment(place),
    versionArgv: ['dnsdist', '--version'],
  }
}
