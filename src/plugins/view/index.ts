import { ExpressionError } from '../../lib/expression/index.ts'
import { BlockMetadata } from '../../serve/metadata.ts'
import type { BlockContext, Plugin, Stage } from '../../serve/plugin.ts'
import type { Query } from '../../serve/query.ts'
import { type Condition, readConfig } from './config.ts'
import { environmentOf } from './environment.ts'

/** `view`: a block for some of the queries of its zones, those for which expressions are true. */
export const view: Plugin = {
  name: 'view',
  // Two views of the same upstreams may not share a cache: what is asked there may depend on the view.
  changesAnswers: true,
  viewName: ([directive]) => directive?.args[0]?.text ?? '',
  setup(directives, block): Stage {
    const log = block.services.log.plugin('view')
    const warn = (message: string): void => log.warning(message)
    const { name, conditions } = readConfig(directives, warn)
    return {
      filter: filterBy(name, conditions, block, warn),
      metadata: [{ label: 'view/name', of: () => name }],
      wrap: (next) => next,
      describe: () => [name, ...conditions.map(({ text }) => `if ${text}`)],
    }
  },
}

function filterBy(
  name: string,
  conditions: readonly Condition[],
  block: BlockContext,
  warn: (message: string) => void,
): (q: Query) => boolean {
  let asked: Query | null = null
  const environment = environmentOf(() => asked!, new BlockMetadata(block))
  const told = new Set<Condition>()
  const holds = (condition: Condition): boolean => {
    try {
      return condition.expression.evaluate(environment) === true
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      if (told.has(condition)) return false
      told.add(condition)
      const { text } = condition
      warn(`${name}: a query is not taken, as '${text}' fails: ${error.message} (said once)`)
      return false
    }
  }
  return (q) => {
    asked = q
    try {
      return conditions.every(holds)
    } finally {
      asked = null
    }
  }
}
