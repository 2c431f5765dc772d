import { BlockMetadata } from '../../serve/metadata.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
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
      unwrap: (done) => (q) => {
        if (q.rewritten instanceof AnswerRules) answerClient(q, q.rewritten, done)
        else done(q)
      },
    }
  },
}
