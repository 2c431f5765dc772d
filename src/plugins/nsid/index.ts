import { hostname } from 'node:os'
import {
  argumentError,
  type Directive,
  inPlugin,
  once,
  valueError,
} from '../../corefile/directive.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { findOption, writeOption } from '../../wire/edns.ts'

/** RFC 5001 §2.1. */
const OPTION_NSID = 3
/** Longer ones would leave no room for answers in a datagram. */
const MAX_DATA = 255

/** `nsid`: tells a client that asks for it which server answered (RFC 5001). */
export const nsid: Plugin = {
  name: 'nsid',
  changesAnswers: false,
  setup(directives): Stage {
    const option = writeOption(OPTION_NSID, readData(once(directives)))
    return {
      wrap: (next: Handler): Handler => {
        return (q) => {
          const { edns, question, wire } = q
          if (edns.present && findOption(wire, question, OPTION_NSID) !== null) {
            q.replyOptions = option
          }
          next(q)
        }
      },
    }
  },
}

function readData({ args, name, options }: Directive): Buffer {
  return inPlugin(name, () => {
    if (options !== null) throw argumentError({ ...name, text: '{' })
    const [first] = args
    if (first === undefined) return Buffer.from(hostname())
    const data = Buffer.from(args.map(({ text }) => text).join(' '))
    if (data.length <= MAX_DATA) return data
    throw valueError(first, `DATA has ${data.length} octets, which is more than ${MAX_DATA}`)
  })
}
