import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

import { clientOf } from '../lib/client-share.ts'
import { reasonOf } from '../lib/errors.ts'
import type { HttpReply, HttpRoute } from '../lib/http.ts'

/** Time for a request to arrive, an answer to leave, and an idle connection to live, as in CoreDNS. */
export const TIMEOUT_MS = 5_000

/** What every server of this process is made with. */
export const serverOptions: Readonly<Record<string, number>> = {
  requestTimeout: TIMEOUT_MS,
  headersTimeout: TIMEOUT_MS,
  keepAliveTimeout: TIMEOUT_MS,
  connectionsCheckingInterval: 1_000,
}

/**
 * Characters written at once of an answer in pieces, and milliseconds of work after which it pauses as long:
 * queries have at least half of the time. The last of the work, its writing and V8's collector come on top.
 */
const PIECE = 16 * 1024
const SLICE_MS = 1

/** Finds who answers a path. */
export type FindRoute = (path: string) => HttpRoute | undefined

/** Answers one request; a connection that reads nothing for `TIMEOUT_MS` is cut. Never rejects. */
export async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  find: FindRoute,
): Promise<void> {
  const { status, contentType, body, location, allow } = await replyTo(request, find)
  const isWhole = typeof body === 'string' || Buffer.isBuffer(body)
  response.writeHead(status, {
    'Content-Type': contentType,
    ...(isWhole ? { 'Content-Length': Buffer.byteLength(body) } : {}),
    ...(location === undefined ? {} : { Location: location }),
    ...(allow === undefined ? {} : { Allow: allow }),
    'X-Content-Type-Options': 'nosniff',
  })
  if (request.method === 'HEAD') response.end()
  else if (isWhole) response.end(body)
  else if (await writePieces(response, body)) response.end()
}

async function replyTo(request: IncomingMessage, find: FindRoute): Promise<HttpReply> {
  const { url = '' } = request
  const [path = ''] = url.split('?', 1)
  const query = url.slice(path.length + 1)
  const route = find(path)
  if (route === undefined) return plainText(404, '404 page not found\n')
  try {
    const { headers, method = '', socket } = request
    return await route({
      method,
      accept: headers.accept ?? '',
      client: clientOf(socket.remoteAddress ?? ''),
      query: new URLSearchParams(query),
      extend: (ms) => void socket.setTimeout(TIMEOUT_MS + ms),
      body: (limit) => readBody(request, limit),
    })
  } catch (error) {
    return plainText(500, `Cannot answer ${path}: ${reasonOf(error)}\n`)
  }
}

async function readBody(
  request: IncomingMessage,
  limit: number,
): Promise<Buffer | 'too long' | 'cut off'> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of request) {
      size += (piece as Buffer).length
      // The rest is thrown away, so that its sender reads the answer.
      if (size <= limit) pieces.push(piece as Buffer)
    }
  } catch {
    return 'cut off'
  }
  return size > limit ? 'too long' : Buffer.concat(pieces)
}

/**
 * Neither makes more than is read, nor keeps the event loop for long. The stream is not ended; false: it is broken, as
 * it is made where a piece cannot be. Never rejects.
 *
 * @param frame what is written for a text
 */
export async function writePieces(
  stream: Writable,
  pieces: Iterable<string>,
  frame: (text: string) => string = (text) => text,
): Promise<boolean> {
  const iterator = pieces[Symbol.iterator]()
  try {
    for (let isDone = false; !isDone && !stream.destroyed;) {
      const began = performance.now()
      let text = ''
      while (!isDone && text.length < PIECE && performance.now() - began < SLICE_MS) {
        const next = iterator.next()
        if (next.done === true) isDone = true
        else text += next.value
      }
      if (text !== '' && !stream.write(frame(text))) await drained(stream)
      if (!isDone) await sleep(SLICE_MS)
    }
    return !stream.destroyed
  } catch {
    // What has been written says that all is well: only a broken connection tells that it is not.
    stream.destroy()
    return false
  } finally {
    iterator.return?.()
  }
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      stream.off('drain', end).off('close', end)
      resolve()
    }
    stream.once('drain', end).once('close', end)
  })
}

/** A reply of type text/plain. */
export function plainText(status: number, body: string): HttpReply {
  return { status, contentType: 'text/plain; charset=utf-8', body }
}
