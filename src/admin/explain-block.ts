import type { CompiledBlock } from '../daemon/compile.ts'
import type { CachedAnswer, ConsideredUpstream } from '../serve/inspection.ts'
import type { Query } from '../serve/query.ts'
import { nameText } from '../wire/question.ts'
import type { ExplainedPath } from './api.ts'

/** What of a block's stages concerns a question. */
export interface BlockExplanation {
  readonly plugins: ExplainedPath['plugins']
  readonly cached: readonly CachedAnswer[]
  readonly upstreams: readonly ConsideredUpstream[]
  /** The question as the cache meets it, after `rewrite`. */
  readonly name: string
  readonly type: number
}

/** Has the stages say what they would do with the query, which is nobody's, one after the other. */
export function explainBlock(block: CompiledBlock, q: Query): BlockExplanation {
  let [name, type] = questionOf(q)
  let reached = true
  let cached: readonly CachedAnswer[] = []
  let upstreams: readonly ConsideredUpstream[] = []
  const plugins = block.stages.map(({ name: plugin, stage }) => {
    if (stage.contents !== undefined) {
      ;[name, type] = questionOf(q)
      cached = stage.contents.lookUp(name, type)
    }
    // Whether an upstream is asked or not: whose turn it is may be what somebody wants to know.
    upstreams = [...upstreams, ...(stage.considerUpstreams?.(q) ?? [])]
    if (!reached) return { name: plugin, says: [], reached }
    const { says, ends } = stage.explain?.(q) ?? { says: [], ends: false }
    const explained = { name: plugin, says, reached }
    if (ends) reached = false
    return explained
  })
  return { plugins, cached, upstreams, name, type }
}

function questionOf({ question, wire }: Query): [name: string, type: number] {
  return [nameText(wire, question, true), question.type]
}
