import { bare } from '../../corefile/directive.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { write16, write32 } from '../../wire/bytes.ts'
import { Class, Rcode, Type } from '../../wire/codes.ts'
import { HEADER_SIZE, Section, writeCount } from '../../wire/header.ts'
import { writeFailure } from '../../wire/reply.ts'

/** As in CoreDNS. */
const TTL = 8482
const CPU = Buffer.from('\x0dANY obsoleted')
const OS = Buffer.from('\x0cSee RFC 8482')
/** A compression pointer to the question's name. */
const OWNER = 0xc000 | HEADER_SIZE

/** `any`: a short answer to every ANY query (RFC 8482 §4.2), in place of all that a name has. */
export const any: Plugin = {
  name: 'any',
  changesAnswers: false,
  setup(directives): Stage {
    bare(directives)
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          if (q.question.type !== Type.ANY) {
            next(q)
            return
          }
          answer(q)
          done(q)
        }
      },
    }
  },
}

/** One HINFO record of the question's name. */
function answer(q: Query): void {
  const out = q.reserve()
  let at = writeFailure(out, q.wire, q.flags, q.question, Rcode.NoError)
  writeCount(out, Section.Answer, 1)
  write16(out, at, OWNER)
  write16(out, at + 2, Type.HINFO)
  write16(out, at + 4, Class.IN)
  write32(out, at + 6, TTL)
  write16(out, at + 10, CPU.length + OS.length)
  at += 12
  at += CPU.copy(out, at)
  at += OS.copy(out, at)
  q.outLength = at
  q.outcome = Outcome.Message
  q.answeredBy = 'any'
}
