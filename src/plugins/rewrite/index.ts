import { BlockMetadata } from '../../serve/metadata.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import type { Query } from '../../serve/query.ts'
import { typeName } from '../../wire/codes.ts'
import { nameText } from '../../wire/question.ts'
import { answerClient } from './answer.ts'
import { readConfig } from './config.ts'
import { AnswerRules, QuestionRules } from './question.ts'

/** `rewrite`: asks another question than the client did, and gives the answer back as if it had not. */
export const rewrite: Plugin = {
  name: 'rewrite',
  // EDNS options decide what is stored.
  changesAnswers: true,
  setup(directives, block): Stage {
    const rules = new QuestionRules(readConfig(directives, new BlockMetadata(block)))
    return {
      wrap: (next, done) => (q) => {
        if (rules.apply(q)) next(q)
        else done(q)
      },
      explain: (q) => {
        const before = asked(q)
        if (!rules.apply(q)) return { says: [`SERVFAIL: ${q.error}`], ends: true }
        const after = asked(q)
        if (after !== before) return { says: [`asks for ${after} instead`], ends: false }
        return { says: q.rewritten === null ? [] : ['changes the answer'], ends: false }
      },
      unwrap: (done) => (q) => {
        if (q.rewritten instanceof AnswerRules) answerClient(q, q.rewritten, done)
        else done(q)
      },
    }
  },
}

function asked({ question, wire }: Query): string {
  return `${nameText(wire, question, true)} ${typeName(question.type)}`
}
