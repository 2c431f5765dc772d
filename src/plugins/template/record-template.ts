import type { Token } from '../../corefile/directive.ts'
import { parseRecord } from '../../wire/presentation/record.ts'
import { MAX_TTL } from '../../wire/ttl.ts'
import { type Matched, fixedData, templateData } from './data.ts'
import { type Dependencies, dependenciesOf } from './dependencies.ts'
import { functions } from './language/functions.ts'
import { nodesText } from './language/nodes.ts'
import { parseTemplate, type Tree } from './language/parse.ts'
import { runTemplate } from './language/run.ts'
import { TemplateError } from './language/token.ts'
import type { Struct } from './language/values.ts'

export type SectionName = 'answer' | 'additional' | 'authority'

/** A record as the reply has it; without an owner it is that of the name that was asked for. */
export interface OwnRecord {
  readonly owner: Uint8Array | null
  readonly type: number
  readonly class: number
  /** Seconds. */
  readonly ttl: number
  readonly data: Uint8Array
}

/** Why there is no record. */
export interface Failed {
  readonly kind: 'template' | 'record'
  readonly reason: string
}

/** A record, none where the text is empty, or why there is none. */
export type Made = OwnRecord | Failed | null

/** Records that depend on little of the query, at most: then they are made anew. */
const MAX_FIXED = 256
/** In place of a key where the text is the same for every query. */
const ALWAYS = -1
const FIXING: ReadonlySet<string> = new Set(['Zone', 'Class', 'Type'])
const functionNames: ReadonlySet<string> = new Set(functions.keys())

export function isFailed(made: Made): made is Failed {
  return made !== null && 'reason' in made
}

/**
 * A template that makes one record. Where the text needs no more of the query than zone, class and type, and
 * the name as its owner, it is made once for each of these, and not for each query.
 */
export class RecordTemplate {
  readonly section: SectionName
  readonly token: Token
  /** As Go prints what it has parsed: the label `template` of metrics. */
  readonly text: string
  /** Of the clock: when its last failure was logged. */
  loggedAt: number = -Infinity
  readonly #tree: Tree
  readonly #fixed: Dependencies | null
  readonly #made = new Map<number, Made>()

  /** Throws TemplateError in Go's words. */
  constructor(section: SectionName, token: Token) {
    this.section = section
    this.token = token
    this.#tree = parseTemplate(section, token.text, functionNames)
    this.text = nodesText(this.#tree.root)
    const depends = dependenciesOf(this.#tree)
    const isFixed = depends !== null && [...depends.fields].every((field) => FIXING.has(field))
    this.#fixed = isFixed ? depends : null
  }

  /** What is wrong with a record that is the same for all queries; null where nothing is, or nobody can tell. */
  problem(): string | null {
    if (this.#fixed === null || this.#fixed.fields.size > 0) return null
    const made = this.#makeFixed(ALWAYS, null)
    return isFailed(made) ? made.reason : null
  }

  make(matched: Matched): Made {
    if (this.#fixed === null) return this.#run(templateData(matched), false)
    return this.#makeFixed(this.#fixed.fields.size === 0 ? ALWAYS : matched.key, matched)
  }

  #makeFixed(key: number, matched: Matched | null): Made {
    const known = this.#made.get(key)
    if (known !== undefined) return known
    const made = this.#run(fixedData(matched), this.#fixed!.ownerIsName)
    if (this.#made.size === MAX_FIXED) this.#made.clear()
    this.#made.set(key, made)
    return made
  }

  #run(data: Struct, ownerIsName: boolean): Made {
    let text: string
    try {
      text = runTemplate(this.#tree, data)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      return { kind: 'template', reason: error.message }
    }
    const record = parseRecord(text)
    if (typeof record === 'string') return { kind: 'record', reason: record }
    if (record === null) return null
    const { owner, ttl } = record
    return { ...record, owner: ownerIsName ? null : owner, ttl: Math.min(ttl, MAX_TTL) }
  }
}
