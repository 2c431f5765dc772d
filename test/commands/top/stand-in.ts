import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { temporaryFolder } from '../../helpers/nsd.ts'
import type { Owner } from '../../helpers/processes.ts'
import { statusAt, topAt, trafficAt } from './samples.ts'

export interface StandIn {
  readonly socket: string
  stop(): Promise<void>
}

/** Answers as a daemon would that has 100 queries each time somebody asks for its status. */
export async function startStandIn(
  owner: Owner,
  socket: string = join(temporaryFolder(owner), 'admin.sock'),
): Promise<StandIn> {
  let asked = 0
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://dnslet')
    if (pathname === '/v1/status') asked++
    const answer = { '/v1/status': statusAt, '/v1/top': topAt, '/v1/traffic': trafficAt }[pathname]
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer?.(asked) ?? { error: 'no such route' }))
  })
  server.listen(socket)
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  owner.after(stop)
  return { socket, stop }
}
