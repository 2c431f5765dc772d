import {
  countArgs,
  type Directive,
  errorAt,
  inPlugin,
  type Option,
  read,
  readAll,
  unknownProperty,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import { counter } from '../../lib/metrics.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { Class } from '../../wire/codes.ts'
import { answerLocally, isLocal, requests } from './zones.ts'

/** `local`: answers what is about this machine. */
export const local: Plugin = {
  name: 'local',
  changesAnswers: false,
  metrics: [
    counter(
      'coredns_local_localhost_requests_total',
      'Questions for names below localhost, and with the prefix localhost.',
      () => requests.count,
    ),
  ],
  setup(directives): Stage {
    const takesPrefix = readPrefix(directives)
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          if (q.question.class !== Class.IN || !isLocal(q, takesPrefix)) {
            next(q)
            return
          }
          answerLocally(q, takesPrefix)
          done(q)
        }
      },
      explain: (q) => {
        const ends = q.question.class === Class.IN && isLocal(q, takesPrefix)
        return { says: ends ? ['answers: the name is this machine'] : [], ends }
      },
      describe: () => [
        takesPrefix ? 'localhost, and localhost. before any domain' : 'localhost, no prefix',
      ],
    }
  },
}

/** Of several lines the last one counts. */
function readPrefix(directives: readonly Directive[]): boolean {
  return readAll(directives, readOne).findLast((value) => value !== undefined) ?? true
}

function readOne(directive: Directive): boolean | undefined {
  return inPlugin(directive.name, () => {
    countArgs(directive, 0, 0)
    const table = { localhost_prefix: onOrOff }
    return read(directive, table, { unknown: unknownProperty }).localhost_prefix
  })
}

function onOrOff(option: Option): boolean {
  const [word] = countArgs(option, 1, 1)
  const { text } = word!
  if (text === 'on') return true
  if (text === 'off') return false
  throw errorAt(word!, `localhost_prefix expects 'on' or 'off', got ${quote(text)}`)
}
