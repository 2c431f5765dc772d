import {
  check,
  countArgs,
  type Directive,
  inPlugin,
  integer,
  once,
  one,
  read,
  unknownProperty,
} from '../../../src/corefile/directive.ts'
import { ByServer, LabelledCounters } from '../../../src/lib/counters.ts'
import { counters } from '../../../src/lib/metrics.ts'
import type { Handler, Plugin, Stage } from '../../../src/serve/plugin.ts'
import { Outcome, type Query } from '../../../src/serve/query.ts'
import { write16, write32 } from '../../../src/wire/bytes.ts'
import { Class, Rcode, Type } from '../../../src/wire/codes.ts'
import { HEADER_SIZE, Section, writeCount } from '../../../src/wire/header.ts'
import { writeFailure } from '../../../src/wire/reply.ts'

const ADDRESS = Buffer.from([192, 0, 2, 7])
/** A compression pointer to the question's name. */
const OWNER = 0xc000 | HEADER_SIZE

const answered = new LabelledCounters(() => ({ count: 0 }))
const answeredBy = new ByServer(answered)

const options = {
  ttl: one(check(integer, (n) => (n < 0 ? `ttl can't be negative: ${n}` : null))),
}

/** `erratic`: one address for every name. The directive is CoreDNS's, the plugin a toy of the tests. */
export const erratic: Plugin = {
  name: 'erratic',
  changesAnswers: true,
  metrics: [
    counters(
      'coredns_erratic_answers_total',
      'Queries that the toy has answered.',
      ['server'],
      answered,
      ({ count }) => count,
    ),
  ],
  setup(directives): Stage {
    const ttl = readTtl(directives)
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          if (q.question.type !== Type.A) return next(q)
          answer(q, ttl)
          answeredBy.of(q.server).count++
          done(q)
        }
      },
      describe: () => [`ttl ${ttl}`],
    }
  },
}

function readTtl(directives: readonly Directive[]): number {
  const directive = once(directives)
  return inPlugin(directive.name, () => {
    countArgs(directive, 0, 0)
    return read(directive, options, { unknown: unknownProperty }).ttl ?? 5
  })
}

function answer(q: Query, ttl: number): void {
  const out = q.reserve()
  const at = writeFailure(out, q.wire, q.flags, q.question, Rcode.NoError)
  writeCount(out, Section.Answer, 1)
  write16(out, at, OWNER)
  write16(out, at + 2, Type.A)
  write16(out, at + 4, Class.IN)
  write32(out, at + 6, ttl)
  write16(out, at + 10, ADDRESS.length)
  q.outLength = at + 12 + ADDRESS.copy(out, at + 12)
  q.outcome = Outcome.Message
  q.answeredBy = 'erratic'
}
