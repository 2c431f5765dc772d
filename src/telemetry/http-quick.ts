import type { Socket } from 'node:net'

import type { HttpRoute } from '../lib/http.ts'
import { askRoute, headersOf, isWhole, TIMEOUT_MS } from './http-answer.ts'
import { writePieces } from './http-pieces.ts'

/** A request of which nothing matters but this. */
export interface QuickRequest {
  readonly path: string
  /** What stands behind the question mark, '' where there is none. */
  readonly query: string
  /** The Accept header, '' where there is none. */
  readonly accept: string
  /** Whether the connection ends with the answer. */
  readonly closes: boolean
}

/** Octets of the head of such a request; kubelet's has 130, Prometheus's 500, a browser's 400 to 800. */
const LONGEST = 1024
/** Of probes, of scrapes, and of browsers, whose names come in either case. With any other header a request is left to node:http. */
const HEADERS =
  'Host|User-Agent|Accept|Accept-Encoding|Connection|X-Prometheus-Scrape-Timeout-Seconds|' +
  'Accept-Language|Cache-Control|Pragma|Priority|Referer|Upgrade-Insecure-Requests|[Ss]ec-[A-Za-z-]+'
const HEAD = new RegExp(
  `^GET (/[!->@-~]*)(?:\\?([!-~]*))? HTTP/1\\.1\\r\\n((?:(?:${HEADERS}): [\\x20-\\x7e]*\\r\\n)*)\\r\\n$`,
)
/** The words of the statuses that there are. */
const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  302: 'Found',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
const HOST = /^Host: /gm
const ACCEPT = /^Accept: (.*)$/gm
const CONNECTION = /^Connection: (.*)$/gm

/**
 * The request that `chunk` is, where it is one of the kind that kubelet, Prometheus, dnslet's own commands and browsers
 * send, whole. Null: anything else.
 */
export function quickRequest(chunk: Buffer): QuickRequest | null {
  if (chunk.length > LONGEST) return null
  const [, path = '', query = '', headers = ''] = HEAD.exec(chunk.toString('latin1')) ?? []
  if (path === '' || headers.match(HOST)?.length !== 1) return null
  const accept = onlyOne(headers, ACCEPT)
  const connection = onlyOne(headers, CONNECTION)
  if (accept === null || !['', 'keep-alive', 'close'].includes(connection ?? 'two')) return null
  return { path, query, accept, closes: connection === 'close' }
}

/** The value of a header (RFC 9110 §5.5: less spaces), '' where there is none; null where it is there twice. */
function onlyOne(headers: string, pattern: RegExp): string | null {
  const [first, second] = headers.matchAll(pattern)
  return second === undefined ? (first?.[1] ?? '').trim() : null
}

/**
 * Answers such a request as node:http would, at a third of its price, and without its 2 MB: probes and scrapes come each
 * few seconds, and there is nothing else to do on most nodes. Resolves when the answer has left, or never will, to
 * whether the connection goes on. Never rejects.
 *
 * @param isEnding whether the listener takes no more requests
 */
export async function answerQuickly(
  socket: Socket,
  { closes, ...request }: QuickRequest,
  route: HttpRoute,
  isEnding: () => boolean,
): Promise<boolean> {
  const reply = await askRoute(route, socket, {
    ...request,
    method: 'GET',
    body: () => Promise.resolve(Buffer.alloc(0)),
  })
  const { body, status } = reply
  const isLast = closes || isEnding()
  const headers = Object.entries(headersOf(reply)).map(([name, value]) => `${name}: ${value}\r\n`)
  const head =
    `HTTP/1.1 ${status} ${reasons[status] ?? ''}\r\n${headers.join('')}` +
    `Date: ${new Date().toUTCString()}\r\n` +
    (isLast
      ? 'Connection: close\r\n'
      : `Connection: keep-alive\r\nKeep-Alive: timeout=${TIMEOUT_MS / 1000}\r\n`) +
    (isWhole(body) ? '\r\n' : 'Transfer-Encoding: chunked\r\n\r\n')
  let last: string | Buffer
  if (typeof body === 'string') last = head + body
  else if (Buffer.isBuffer(body)) {
    // They leave together, without a copy of a long body.
    socket.cork()
    socket.write(head, 'latin1')
    last = body
  } else {
    socket.write(head)
    if (!(await writePieces(socket, body, chunked))) return false
    last = '0\r\n\r\n'
  }
  const goesOn = new Promise<boolean>((resolve) => {
    socket.write(last, (error) => resolve(!isLast && (error ?? null) === null))
  })
  socket.uncork()
  if (isLast) socket.destroySoon()
  return goesOn
}

/** A piece of a body whose length is not known (RFC 9112, 7.1). */
function chunked(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}
