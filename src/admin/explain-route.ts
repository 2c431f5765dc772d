import type { Daemon } from '../daemon/daemon.ts'
import type { Explanation } from './api.ts'
import { questionParameters, readQuestion } from './cache-routes.ts'
import { AdminError, type AdminRoute, parameter } from './routes.ts'
import { explanation, flag } from './schema.ts'

/** What would become of a question, and what becomes of it. */
export function explainRoute(daemon: Daemon): AdminRoute {
  return {
    method: 'GET',
    path: '/v1/explain',
    summary: 'What would become of a question: listeners, block, plugins, cache and upstreams',
    parameters: [
      ...questionParameters,
      {
        name: 'ask',
        description: 'Whether it is asked, and its steps are noted; over the socket alone',
        schema: flag,
      },
    ],
    answer: explanation,
    async handle({ query, overHttp }): Promise<Explanation> {
      const { name, type } = readQuestion(query)
      const ask = readFlag(parameter(query, 'ask'))
      if (ask && overHttp) throw new AdminError(403, '"ask" is for the socket alone')
      // A daemon that nobody asks never loads it.
      const { explain } = await import('./explain.ts')
      return explain(daemon, name, type, ask)
    },
  }
}

function readFlag(value: string | null): boolean {
  if (value !== null && value !== 'true' && value !== 'false') {
    throw new AdminError(400, '"ask" is true or false')
  }
  return value === 'true'
}
