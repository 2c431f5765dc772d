import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createSecureServer, type SecureServerOptions, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Certificates } from '../helpers/certificates.ts'
import type { Owner } from '../helpers/processes.ts'
import { answerTo } from './scripted.ts'

/** A question as it reached the server. */
interface HttpAsked {
  readonly wire: Buffer
  readonly method: string
  readonly path: string
  readonly authority: string
  readonly type: string
  readonly stream: ServerHttp2Stream
  readonly reply: (message: Buffer, status?: number) => void
}

export type HttpScript = (asked: HttpAsked, n: number) => void

/** An upstream over HTTPS that counts what it costs. */
export interface HttpsServer {
  readonly port: number
  readonly handshakes: number
  readonly asked: readonly HttpAsked[]
  script: HttpScript
  /** Ends its connections. */
  cut(): void
  close(): Promise<void>
}

export const honestly: HttpScript = ({ reply, wire }) => reply(answerTo(wire))

/** Starts one on a free port; closed by its owner's end. */
export async function startHttpsServer(
  owner: Owner,
  { cert, key }: Pick<Certificates, 'cert' | 'key'>,
  options: SecureServerOptions = {},
  script: HttpScript = honestly,
  port = 0,
): Promise<HttpsServer> {
  const asked: HttpAsked[] = []
  const streams = new Set<Socket>()
  let handshakes = 0
  const server = createSecureServer({
    cert: readFileSync(cert),
    key: readFileSync(key),
    ...options,
  })
  server.on('secureConnection', () => handshakes++)
  server.on('tlsClientError', () => {})
  server.on('sessionError', () => {})
  server.on('connection', (stream: Socket) => {
    streams.add(stream)
    stream.on('close', () => streams.delete(stream))
  })
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const path = headers[':path'] ?? ''
      const parameter = new URL(path, 'https://x').searchParams.get('dns')
      const one: HttpAsked = {
        wire: parameter === null ? Buffer.concat(chunks) : Buffer.from(parameter, 'base64url'),
        method: headers[':method'] ?? '',
        path,
        authority: headers[':authority'] ?? '',
        type: `${headers['content-type'] ?? ''} ${headers.accept ?? ''}`,
        stream,
        reply: (message, status = 200) => {
          stream.respond({ ':status': status, 'content-type': 'application/dns-message' })
          stream.end(message)
        },
      }
      asked.push(one)
      result.script(one, asked.length)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const cut = (): void => {
    for (const stream of streams) stream.destroy()
  }
  const close = async (): Promise<void> => {
    if (!server.listening) return
    cut()
    server.close()
    await once(server, 'close')
  }
  owner.after(close)
  const result: HttpsServer = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get handshakes() {
      return handshakes
    },
    asked,
    script,
    cut,
    close,
  }
  return result
}
