import {
  argumentError,
  type Directive,
  inPlugin,
  noOptions,
  zonesOr,
} from '../../corefile/directive.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import type { Query } from '../../serve/query.ts'
import { zoneTable } from '../../serve/zone-table.ts'
import { parseQuestion, Question } from '../../wire/question.ts'

const clientsQuestion = new Question()

/** `metadata`: what plugins publish of a query is there for others of the block. */
export const metadata: Plugin = {
  name: 'metadata',
  // Rules of `rewrite` and `template` may make answers of it.
  changesAnswers: true,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('metadata')
    const zones = readZones(directives, block.zones, (message) => log.warning(message))
    return {
      collects: collector(zones, block.zones),
      wrap: (next) => next,
      describe: () => [zones.join(' ')],
    }
  },
}

function readZones(
  [directive, second]: readonly Directive[],
  block: readonly string[],
  warn: (message: string) => void,
): readonly string[] {
  const { args, name } = directive!
  return inPlugin(name, () => {
    noOptions(directive!)
    if (second !== undefined) throw argumentError(second.name)
    return zonesOr(args, block, warn)
  })
}

/** Whether the name that the client asked for is in one of the zones. */
function collector(zones: readonly string[], block: readonly string[]): (q: Query) => boolean {
  if (block.every((zone) => zones.includes(zone))) return () => true
  const table = zoneTable(zones)
  return ({ question, rewritten, wire }) => {
    const asked = rewritten?.asked ?? null
    if (asked === null) return table.find(wire, question) === true
    parseQuestion(asked, asked.length, clientsQuestion)
    return table.find(asked, clientsQuestion) === true
  }
}
