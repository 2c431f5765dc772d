import type { Query, Rewritten } from '../../serve/query.ts'
import { replaceQuestion } from '../../serve/rewritten-question.ts'
import { Rcode } from '../../wire/codes.ts'
import { HEADER_SIZE } from '../../wire/header.ts'
import { MAX_NAME, textToName } from '../../wire/name.ts'
import { Draft, type Rule } from './draft.ts'
import { FirstMatch, NONE } from './first-match.ts'
import type { ResponseRule } from './response-rule.ts'

const name = Buffer.alloc(MAX_NAME)
const noRules: readonly ResponseRule[] = []

/** What becomes of the answer to a query that rules have changed. */
export class AnswerRules implements Rewritten {
  readonly asked: Buffer | null
  /** In the order of their lines; an answer meets them in reverse. */
  readonly rules: readonly ResponseRule[]

  constructor(asked: Buffer | null, rules: readonly ResponseRule[]) {
    this.asked = asked
    this.rules = rules
  }
}

/** What the rules of a block make of questions. */
export class QuestionRules {
  readonly #rules: readonly Rule[]
  /** Null where no rule is about names. */
  readonly #byName: FirstMatch | null
  /** Place of the first rule that concerns all names, or NONE. */
  readonly #always: number
  readonly #draft = new Draft()

  constructor(rules: readonly Rule[]) {
    this.#rules = rules
    this.#byName = rules.some(({ match }) => match !== null) ? new FirstMatch(rules) : null
    const always = rules.findIndex(({ match }) => match === null)
    this.#always = always < 0 ? NONE : always
  }

  /** Lets the rules change a query; false where what they make of it is no question: then it has failed. */
  apply(q: Query): boolean {
    const named = this.#byName === null ? NONE : this.#byName.find(q)
    const first = Math.min(named, this.#always)
    return first === NONE || this.#run(q, first, named)
  }

  #run(q: Query, first: number, named: number): boolean {
    const rules = this.#rules
    const draft = this.#draft
    draft.begin(q)
    for (let place = first; place < rules.length; place++) {
      const rule = rules[place]!
      if (rule.match !== null && place < named && !draft.renamed) continue
      if (!rule.apply(draft)) continue
      if (draft.renamed && textToName(draft.name, name, 0) < 0) return fail(q, draft.name)
      if (!rule.goesOn) break
    }
    settle(q, draft)
    return true
  }
}

function fail(q: Query, text: string): false {
  q.fail(Rcode.ServFail, `invalid name after rewrite: ${text}`)
  q.answeredBy = 'rewrite'
  return false
}

/** Makes the draft the query. */
function settle(q: Query, draft: Draft): void {
  const { edns, responses } = draft
  edns?.settle()
  const changed = draft.changesQuestion
  if (!changed && responses.length === 0) return
  const asked = changed ? Buffer.copyBytesFrom(q.wire, 0, q.question.end) : null
  q.rewritten = new AnswerRules(asked, responses.length === 0 ? noRules : responses)
  if (!changed) return
  const { nameEnd } = q.question
  const wireName = draft.renamed
    ? name.subarray(0, textToName(draft.name, name, 0))
    : q.wire.subarray(HEADER_SIZE, nameEnd)
  replaceQuestion(q, wireName, draft.type, draft.class)
}
