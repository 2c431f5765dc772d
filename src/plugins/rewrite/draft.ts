import type { Query } from '../../serve/query.ts'
import { nameText } from '../../wire/question.ts'
import type { EdnsChanges } from './edns-changes.ts'
import type { NameMatch } from './name-text.ts'
import type { ResponseRule } from './response-rule.ts'

/** One line of `rewrite`. */
export interface Rule {
  /** `continue`: the rules behind it have a say, too. */
  readonly goesOn: boolean
  /** Names it concerns; null: all. */
  readonly match: NameMatch | null
  /** Changes the draft of a query whose name it concerns; false where it has nothing to change. */
  apply(draft: Draft): boolean
}

/** A query as the rules change it, before it becomes the one that goes on. Used again and again. */
export class Draft {
  q!: Query
  type = 0
  class = 0
  /** True once a rule has put another name in place of the client's. */
  renamed = false
  responses: ResponseRule[] = []
  edns: EdnsChanges | null = null
  #name: string | null = null

  begin(q: Query): void {
    this.q = q
    this.type = q.question.type
    this.class = q.question.class
    this.renamed = false
    this.edns = null
    this.#name = null
    if (this.responses.length > 0) this.responses = []
  }

  /** The name as it is now, in lower case. */
  get name(): string {
    this.#name ??= nameText(this.q.wire, this.q.question, true)
    return this.#name
  }

  /** The name as it is now, as the client spelt it unless it has changed. */
  get spelling(): string {
    return this.renamed ? this.name : nameText(this.q.wire, this.q.question)
  }

  rename(name: string): void {
    this.#name = name
    this.renamed = true
  }

  get changesQuestion(): boolean {
    const { class: klass, type } = this.q.question
    return this.renamed || this.type !== type || this.class !== klass
  }
}
