import type { HttpReply, HttpRoutes } from '../../lib/http.ts'
import { plainText } from '../../telemetry/http-answer.ts'
import type { Profiles } from './profiles.ts'

const ROOT = '/debug/pprof'
/** As Go's. */
const DEFAULT_SECONDS = 30
/** A profile of a minute has about as many samples as anybody looks at, and takes 10 MB. */
const MAX_SECONDS = 60

const pages = [
  ['profile', 'where CPU time goes; ?seconds=N, 30 by default, 60 at most'],
  ['heap', 'what lives of what was allocated since the start; ?gc=1 collects garbage before'],
  ['block', 'how late the event loop was, where `block` is set'],
  ['cmdline', 'the command line'],
] as const

/** What is served under /debug/pprof. */
export function routesTo(profiles: Profiles): HttpRoutes {
  return {
    [ROOT]: () => ({ ...plainText(302, ''), location: `${ROOT}/` }),
    [`${ROOT}/`]: () => html(index()),
    [`${ROOT}/cmdline`]: () => plainText(200, process.argv.join('\0')),
    [`${ROOT}/profile`]: async ({ extend, query }) => {
      const seconds = secondsOf(query)
      if (seconds > MAX_SECONDS) {
        return plainText(400, `Cannot profile for ${seconds} s: ${MAX_SECONDS} s at most\n`)
      }
      extend(seconds * 1000)
      const profile = await profiles.cpu(seconds)
      return profile === null
        ? plainText(500, 'Could not enable CPU profiling: cpu profiling already in use\n')
        : json(profile)
    },
    [`${ROOT}/heap`]: async ({ query }) =>
      json(await profiles.heap(Number(query.get('gc') ?? 0) > 0)),
    [`${ROOT}/block`]: () =>
      plainText(200, profiles.delays() ?? 'nothing is watched: `block` is not set\n'),
  }
}

/** As in Go, what is no positive number is the default. */
function secondsOf(query: URLSearchParams): number {
  const given = Number(query.get('seconds') ?? '')
  return Number.isInteger(given) && given > 0 ? given : DEFAULT_SECONDS
}

function index(): string {
  const rows = pages.map(([name, what]) => `<li><a href="${name}">${name}</a>: ${what}</li>`)
  return `<!doctype html>\n<title>${ROOT}/</title>\n<ul>\n${rows.join('\n')}\n</ul>\n`
}

function html(body: string): HttpReply {
  return { status: 200, contentType: 'text/html; charset=utf-8', body }
}

function json(body: string): HttpReply {
  return { status: 200, contentType: 'application/json', body }
}
