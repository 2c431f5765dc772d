import {
  CorefileError,
  countArgs,
  type Directive,
  duration,
  formatDuration,
  inPlugin,
  noOptions,
  readAll,
  type Token,
  valueError,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'

/** As in CoreDNS: just longer than resolvers wait for an answer. */
const DEFAULT_MS = 5001

/** `cancel`: bounds the time that a query may take. */
export const cancel: Plugin = {
  name: 'cancel',
  changesAnswers: false,
  setup(directives): Stage {
    const timeout = readAll(directives, readTimeout).at(-1)!
    return {
      wrap: (next: Handler): Handler => {
        return (q) => {
          if (timeout < q.patience) q.patience = timeout
          next(q)
        }
      },
      describe: () => [formatDuration(timeout)],
    }
  },
}

/** Milliseconds. */
function readTimeout(directive: Directive): number {
  return inPlugin(directive.name, () => {
    const [token] = countArgs(directive, 0, 1)
    noOptions(directive)
    if (token === undefined) return DEFAULT_MS
    const timeout = durationOf(token)
    if (timeout > 0) return timeout
    throw valueError(token, `invalid negative duration: ${quote(token.text)}`)
  })
}

function durationOf(token: Token): number {
  try {
    return duration(token)
  } catch (error) {
    if (!(error instanceof CorefileError)) throw error
    throw valueError(token, `invalid duration: ${quote(token.text)}`)
  }
}
