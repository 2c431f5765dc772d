import { bare } from '../../corefile/directive.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { addRecord, beginReply, endReply } from '../../serve/reply-writer.ts'
import { Rcode, Type } from '../../wire/codes.ts'
import { Section } from '../../wire/header.ts'

/** As in CoreDNS: CPU and OS of the HINFO record. */
const TTL = 8482
const HINFO = Buffer.from('\x0dANY obsoleted\x0cSee RFC 8482')

/** `any`: a short answer to every ANY query (RFC 8482 §4.2), in place of all that a name has. */
export const any: Plugin = {
  name: 'any',
  changesAnswers: false,
  setup(directives): Stage {
    // As in CoreDNS, it may be repeated.
    for (const directive of directives) bare([directive])
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          if (q.question.type !== Type.ANY) {
            next(q)
            return
          }
          // As CoreDNS has it, without AA.
          beginReply(q, Rcode.NoError, 0)
          addRecord(q, Section.Answer, null, Type.HINFO, TTL, HINFO)
          endReply(q, 'any')
          done(q)
        }
      },
      explain: ({ question }) => {
        const ends = question.type === Type.ANY
        return { says: ends ? ['answers ANY with a HINFO record (RFC 8482)'] : [], ends }
      },
    }
  },
}
