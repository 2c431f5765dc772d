import { Descriptors } from '../../src/sys/descriptors.ts'
import { HttpListeners } from '../../src/telemetry/http.ts'
import { nullLog } from './null-log.ts'

/** HTTP listeners on sockets of these. */
export function httpOf(descriptors: Descriptors): HttpListeners {
  return new HttpListeners({
    listen: (server, host, port) => descriptors.listen(server, 'http', host, port),
    log: nullLog,
  })
}

export const plainHttp: HttpListeners = httpOf(new Descriptors())
