import { version } from '../lib/version.ts'
import type { AdminRoute, Schema } from './routes.ts'
import { apiError } from './schema.ts'

/** Statuses of refusals, as every route may have them. */
const REFUSALS: Readonly<Record<string, string>> = {
  400: 'A parameter or the body is wrong',
  403: 'Not over HTTP',
  413: 'The body is too long',
  503: 'The same is under way for somebody else',
}

/** The description of these routes as OpenAPI 3.1 has it. */
export function openApi(routes: readonly AdminRoute[]): Schema {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes)
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route)
  return {
    openapi: '3.1.0',
    info: {
      title: 'dnslet admin interface',
      version: version(),
      description:
        "HTTP/1.1 over the unix socket admin.sock in the daemon's state directory; with -adminhttp the routes that " +
        'read, beside /metrics.',
    },
    paths,
  }
}

function operation({ answer, body, method, parameters = [], path, summary }: AdminRoute): Schema {
  const isLines = path.endsWith('/dump')
  const refusal = { 'application/json': { schema: apiError } }
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^a-z]+(.)/g, (_, c: string) => c.toUpperCase())}`,
    summary,
    description: method === 'GET' ? 'Over the socket, and over HTTP' : 'Over the socket alone',
    parameters: parameters.map(({ name, required = false, description, schema }) => ({
      name,
      in: 'query',
      required,
      description,
      schema,
    })),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      200: {
        description: isLines ? 'One of these a line' : 'The answer',
        content: {
          [isLines ? 'application/x-ndjson' : 'application/json']: { schema: answer },
        },
      },
      ...Object.fromEntries(
        Object.entries(REFUSALS).map(([status, description]) => [
          status,
          { description, content: refusal },
        ]),
      ),
    },
  }
}
