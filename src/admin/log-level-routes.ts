import { logLevel, readLogLevel, setLogLevel, wantsDebugLines } from '../telemetry/log-level.ts'
import type { LogLevelState } from './api.ts'
import { AdminError, type AdminRoute } from './routes.ts'
import { flag, object, oneOf } from './schema.ts'

const levels = oneOf('debug', 'info', 'warning', 'error')
const answer = object({ level: levels, debugInCorefile: flag })
const path = '/v1/log-level'

function state(): LogLevelState {
  return { level: logLevel(), debugInCorefile: wantsDebugLines() }
}

/** What the log prints, until the process ends. */
export const logLevelRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path,
    summary: 'The least important lines that are printed',
    answer,
    handle: state,
  },
  {
    method: 'PUT',
    path,
    summary: 'Changes it until the daemon ends',
    body: object({ level: levels }),
    answer,
    handle({ body }) {
      const given = (body as { readonly level?: unknown } | null)?.level
      const level = readLogLevel(given)
      if (level === null) {
        throw new AdminError(
          400,
          'want {"level": LEVEL}, which is one of debug, info, warning or error',
        )
      }
      setLogLevel(level)
      return state()
    },
  },
]
