import { argumentError, countArgs, inPlugin } from '../../corefile/directive.ts'
import { scanReply } from '../../serve/finish.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { classify, ResponseKind } from '../../wire/classify.ts'
import { Section, writeCount } from '../../wire/header.ts'

/** `minimal`: answers without what nobody asked for. */
export const minimal: Plugin = {
  name: 'minimal',
  // It stands below `cache`, which stores what it leaves.
  changesAnswers: true,
  setup([directive]): Stage {
    const { name, options } = directive!
    // Of several, CoreDNS reads the first alone.
    inPlugin(name, () => {
      countArgs(directive!, 0, 0)
      if (options !== null) throw argumentError({ ...name, text: '{' })
    })
    return {
      unwrap: (done) => (q) => {
        if (q.outcome === Outcome.Message) shorten(q)
        done(q)
      },
    }
  },
}

/** Leaves out the authority and additional sections of an answer; denials and delegations need theirs. */
function shorten(q: Query): void {
  const records = q.records ?? scanReply(q)
  if (records === null) return
  const { answerCount, count, hasRrsig } = records
  if (count === answerCount) return
  // The time of day matters to signatures alone.
  const kind = classify(q.out, q.question, records, hasRrsig ? Date.now() / 1000 : 0)
  if (kind !== ResponseKind.NoError) return
  q.outLength = answerCount === 0 ? q.question.end : records.ends[answerCount - 1]!
  writeCount(q.out, Section.Authority, 0)
  writeCount(q.out, Section.Additional, 0)
  // They describe what is gone, its TTLs and signatures included.
  q.records = null
}
