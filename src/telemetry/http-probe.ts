import type { Socket } from 'node:net'

import { clientOf } from '../lib/client-share.ts'
import { reasonOf } from '../lib/errors.ts'
import type { HttpReply, HttpRoute } from '../lib/http.ts'
import { plainText, TIMEOUT_MS } from './http-answer.ts'

/** Octets of the head of a probe; kubelet's has 130. */
const LONGEST = 1024
/** A request of which nothing but its path matters: with any other header it is left to node:http. */
const HEAD =
  /^GET (\/[a-z]+) HTTP\/1\.1\r\n((?:(?:Host|User-Agent|Accept|Accept-Encoding|Connection): [\x20-\x7e]*\r\n)*)\r\n$/
/** The words of the statuses that probes are answered with. */
const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
const HOST = /^Host: /gm
const CLOSES = /^Connection: close\r$/m

/**
 * The path that kubelet asks for, where `chunk` is a probe of the kind it sends, whole: one GET on a connection
 * that ends with the answer. Null: anything else.
 */
export function probedPath(chunk: Buffer): string | null {
  if (chunk.length > LONGEST) return null
  const [, path = '', headers = ''] = HEAD.exec(chunk.toString('latin1')) ?? []
  if (path === '' || !CLOSES.test(headers) || headers.match(HOST)?.length !== 1) return null
  return path
}

/**
 * Answers a probe as node:http would, at a third of its price: a probe comes each few seconds, and there is
 * nothing else to do on most nodes. Never rejects.
 */
export async function answerProbe(socket: Socket, path: string, route: HttpRoute): Promise<void> {
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy())
  const { status, contentType, body } = await reply(socket, path, route)
  const length = Buffer.byteLength(body)
  socket.write(
    `HTTP/1.1 ${status} ${reasons[status] ?? ''}\r\nContent-Type: ${contentType}\r\n` +
      `Content-Length: ${length}\r\nX-Content-Type-Options: nosniff\r\n` +
      `Date: ${new Date().toUTCString()}\r\nConnection: close\r\n\r\n${body}`,
  )
  socket.destroySoon()
}

async function reply(
  { remoteAddress = '' }: Socket,
  path: string,
  route: HttpRoute,
): Promise<HttpReply & { readonly body: string }> {
  try {
    const answer = await route({
      method: 'GET',
      accept: '*/*',
      client: clientOf(remoteAddress),
      query: new URLSearchParams(),
      extend: () => {},
      body: () => Promise.resolve(Buffer.alloc(0)),
    })
    const { body } = answer
    return { ...answer, body: typeof body === 'string' ? body : [...body].join('') }
  } catch (error) {
    const text = `Cannot answer ${path}: ${reasonOf(error)}\n`
    return { ...plainText(500, text), body: text }
  }
}
