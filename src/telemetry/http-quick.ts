import type { Socket } from 'node:net'

import { clientOf } from '../lib/client-share.ts'
import { reasonOf } from '../lib/errors.ts'
import type { HttpReply, HttpRoute } from '../lib/http.ts'
import { plainText, TIMEOUT_MS } from './http-answer.ts'

/** A request of which nothing matters but this. */
export interface QuickRequest {
  readonly path: string
  /** The Accept header, '' where there is none. */
  readonly accept: string
  /** Whether the connection ends with the answer. */
  readonly closes: boolean
}

/** Octets of the head of such a request; kubelet's has 130, Prometheus's 500. */
const LONGEST = 1024
/** With any other header a request is left to node:http. */
const HEAD =
  /^GET (\/[a-z]+) HTTP\/1\.1\r\n((?:(?:Host|User-Agent|Accept|Accept-Encoding|Connection|X-Prometheus-Scrape-Timeout-Seconds): [\x20-\x7e]*\r\n)*)\r\n$/
/** The words of the statuses that there are. */
const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
const HOST = /^Host: /gm
const ACCEPT = /^Accept: (.*)$/gm
const CONNECTION = /^Connection: (.*)$/gm

/** The request that `chunk` is, where it is one of the kind that kubelet and Prometheus send, whole. Null: anything else. */
export function quickRequest(chunk: Buffer): QuickRequest | null {
  if (chunk.length > LONGEST) return null
  const [, path = '', headers = ''] = HEAD.exec(chunk.toString('latin1')) ?? []
  if (path === '' || headers.match(HOST)?.length !== 1) return null
  const accept = onlyOne(headers, ACCEPT)
  const connection = onlyOne(headers, CONNECTION)
  if (accept === null || !['', 'keep-alive', 'close'].includes(connection ?? 'two')) return null
  return { path, accept, closes: connection === 'close' }
}

/** The value of a header, '' where there is none; null where it is there twice. */
function onlyOne(headers: string, pattern: RegExp): string | null {
  const [first, second] = headers.matchAll(pattern)
  return second === undefined ? (first?.[1] ?? '') : null
}

/**
 * Answers such a request as node:http would, at a third of its price: probes and scrapes come each few seconds, and
 * there is nothing else to do on most nodes. Resolves when the answer has left, or never will, to whether
 * the connection goes on. Never rejects.
 *
 * @param isEnding whether the listener takes no more requests
 */
export async function answerQuickly(
  socket: Socket,
  request: QuickRequest,
  route: HttpRoute,
  isEnding: () => boolean,
): Promise<boolean> {
  const { status, contentType, body } = await reply(socket, request, route)
  const isLast = request.closes || isEnding()
  const head =
    `HTTP/1.1 ${status} ${reasons[status] ?? ''}\r\nContent-Type: ${contentType}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nX-Content-Type-Options: nosniff\r\n` +
    `Date: ${new Date().toUTCString()}\r\n` +
    (isLast
      ? 'Connection: close\r\n\r\n'
      : `Connection: keep-alive\r\nKeep-Alive: timeout=${TIMEOUT_MS / 1000}\r\n\r\n`)
  const octets =
    typeof body === 'string' ? head + body : Buffer.concat([Buffer.from(head, 'latin1'), body])
  const goesOn = new Promise<boolean>((resolve) => {
    socket.write(octets, (error) => resolve(!isLast && (error ?? null) === null))
  })
  if (isLast) socket.destroySoon()
  return goesOn
}

async function reply(
  socket: Socket,
  { path, accept }: QuickRequest,
  route: HttpRoute,
): Promise<HttpReply & { readonly body: string | Buffer }> {
  try {
    const answer = await route({
      method: 'GET',
      accept,
      client: clientOf(socket.remoteAddress ?? ''),
      query: new URLSearchParams(),
      extend: (ms) => void socket.setTimeout(TIMEOUT_MS + ms),
      body: () => Promise.resolve(Buffer.alloc(0)),
    })
    const { body } = answer
    const isWhole = typeof body === 'string' || Buffer.isBuffer(body)
    return { ...answer, body: isWhole ? body : [...body].join('') }
  } catch (error) {
    const text = `Cannot answer ${path}: ${reasonOf(error)}\n`
    return { ...plainText(500, text), body: text }
  }
}
