import { reasonOf } from '../lib/errors.ts'
import type { HttpReply, HttpRequest, HttpRoute, HttpRoutes } from '../lib/http.ts'
import { printableJson } from '../lib/printable.ts'
import { countRequest } from './metrics.ts'
import { AdminError, type AdminRoute, Lines, Pieces } from './routes.ts'

/** Octets of a body. */
const MAX_BODY = 64 * 1024

/** The routes as HTTP has them: by path, whatever the method. @param overHttp those that read alone */
export function httpRoutes(routes: readonly AdminRoute[], overHttp: boolean): HttpRoutes {
  const offered = routes.filter(({ method }) => !overHttp || method === 'GET')
  const byPath = Map.groupBy(offered, ({ path }) => path)
  return Object.fromEntries(
    Array.from(byPath, ([path, own]): [string, HttpRoute] => [
      path,
      (request) => answer(path, own, request, overHttp),
    ]),
  )
}

/** What a path that does not exist is answered with, counted as such. */
export const noSuchRoute: HttpRoute = () => {
  countRequest('unknown', 404)
  return json(404, { error: 'there is no such route: see /v1/openapi.json' })
}

async function answer(
  path: string,
  routes: readonly AdminRoute[],
  request: HttpRequest,
  overHttp: boolean,
): Promise<HttpReply> {
  const reply = await replyTo(routes, request, overHttp)
  countRequest(path, reply.status)
  return reply
}

async function replyTo(
  routes: readonly AdminRoute[],
  request: HttpRequest,
  overHttp: boolean,
): Promise<HttpReply> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = routes.find((one) => one.method === method)
  if (route === undefined) return wrongMethod(routes)
  try {
    refuseUnknown(route, request.query)
    const body = route.body === undefined ? undefined : await readJson(request)
    return replyOf(await route.handle({ query: request.query, body, overHttp }))
  } catch (error) {
    if (error instanceof AdminError) return json(error.status, { error: error.message })
    return json(500, { error: `a defect of dnslet: ${reasonOf(error)}` })
  }
}

function wrongMethod(routes: readonly AdminRoute[]): HttpReply {
  const methods = routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  const allow = methods.join(', ')
  return { ...json(405, { error: `this route takes ${allow}` }), allow }
}

/** A parameter that is misspelt would else look as if it had been heeded. */
function refuseUnknown({ parameters = [] }: AdminRoute, query: URLSearchParams): void {
  for (const name of query.keys()) {
    if (parameters.some((known) => known.name === name)) continue
    const known = parameters.map((one) => one.name).join(', ') || 'none'
    throw new AdminError(400, `"${name}" is no parameter here; there are: ${known}`)
  }
  for (const { name, required } of parameters) {
    if (required === true && !query.has(name)) throw new AdminError(400, `"${name}" is missing`)
  }
}

async function readJson({ body }: HttpRequest): Promise<unknown> {
  const octets = await body(MAX_BODY)
  if (octets === 'too long') {
    throw new AdminError(413, `the body has more than ${MAX_BODY} octets`)
  }
  if (octets === 'cut off') throw new AdminError(400, 'the body ends too early')
  try {
    return JSON.parse(octets.toString()) as unknown
  } catch (cause) {
    throw new AdminError(400, `the body is no JSON: ${reasonOf(cause)}`)
  }
}

function replyOf(value: unknown): HttpReply {
  if (value instanceof Lines) {
    return { status: 200, contentType: 'application/x-ndjson', body: value.pieces() }
  }
  if (value instanceof Pieces) {
    return { status: 200, contentType: 'application/json', body: value.texts }
  }
  return json(200, value)
}

function json(status: number, value: unknown): HttpReply {
  return {
    status,
    contentType: 'application/json',
    body: printableJson(`${JSON.stringify(value)}\n`),
  }
}
