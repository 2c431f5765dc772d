import {
  argumentError,
  countArgs,
  type Directive,
  inPlugin,
  noOptions,
} from '../../corefile/directive.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'

/** As in CoreDNS: https://www.dnsflagday.net/2020/. */
const DEFAULT_SIZE = 1232
/** RFC 6891 §6.2.3 and §6.2.5. */
const MIN_SIZE = 512
const MAX_SIZE = 4096

/** `bufsize`: bounds replies over UDP, and what is asked for upstream. */
export const bufsize: Plugin = {
  name: 'bufsize',
  changesAnswers: false,
  setup(directives): Stage {
    const size = readSize(directives[0]!)
    return {
      wrap: (next: Handler): Handler => {
        return (q) => {
          q.maxUdpSize = size
          if (q.edns.udpSize > size) q.edns.udpSize = size
          next(q)
        }
      },
    }
  },
}

/** Of several, CoreDNS reads the first alone. */
function readSize(directive: Directive): number {
  return inPlugin(directive.name, () => {
    const [token] = countArgs(directive, 0, 1)
    noOptions(directive)
    if (token === undefined) return DEFAULT_SIZE
    const size = /^[+-]?\d{1,9}$/.test(token.text) ? Number(token.text) : 0
    if (size < MIN_SIZE || size > MAX_SIZE) throw argumentError(token)
    return size
  })
}
