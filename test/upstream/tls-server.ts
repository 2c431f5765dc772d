import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Certificates } from '../helpers/certificates.ts'
import type { Owner } from '../helpers/processes.ts'
import { honest, type Script, serve } from './scripted.ts'

/** An upstream over TLS that counts what it costs. */
export interface TlsServer {
  readonly port: number
  /** Handshakes, those included that were spared most of it, and how many were. */
  readonly handshakes: number
  readonly resumed: number
  readonly queries: number
  /** Names that clients asked for (SNI), in order; '' for none. */
  readonly names: readonly string[]
  readonly open: ReadonlySet<TLSSocket>
  close(): Promise<void>
}

/** Starts one on a free port; closed by its owner's end. */
export async function startTlsServer(
  owner: Owner,
  { cert, key }: Pick<Certificates, 'cert' | 'key'>,
  options: TlsOptions = {},
  script: Script = honest,
  port = 0,
): Promise<TlsServer> {
  const names: string[] = []
  const open = new Set<TLSSocket>()
  const streams = new Set<Socket>()
  let [resumed, queries] = [0, 0]
  const server = createServer(
    { cert: readFileSync(cert), key: readFileSync(key), ...options },
    (socket) => {
      names.push(socket.servername === false ? '' : (socket.servername ?? ''))
      if (socket.isSessionReused()) resumed++
      open.add(socket)
      socket.on('close', () => open.delete(socket))
      socket.on('error', () => {})
      serve(socket, (asked) => script(asked, ++queries))
    },
  )
  server.on('tlsClientError', () => {})
  // Those in the middle of a handshake too.
  server.on('connection', (stream: Socket) => {
    streams.add(stream)
    stream.on('close', () => streams.delete(stream))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    for (const stream of streams) stream.destroy()
    server.close()
    await once(server, 'close')
  }
  owner.after(close)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get handshakes() {
      return names.length
    },
    get resumed() {
      return resumed
    },
    get queries() {
      return queries
    },
    names,
    open,
    close,
  }
}
