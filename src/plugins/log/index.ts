import { isSubdomain } from '../../corefile/directive.ts'
import { BlockMetadata } from '../../serve/metadata.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { ZoneTable } from '../../serve/zone-table.ts'
import { isBlocked } from '../../telemetry/log.ts'
import { rcodeName, typeName } from '../../wire/codes.ts'
import { nameText } from '../../wire/question.ts'
import { readRules, type Rule } from './config.ts'
import { ALL_CLASSES, classOf } from '../../serve/response-class.ts'

/** `log`: a line for each query, once it is answered. */
export const log: Plugin = {
  name: 'log',
  changesAnswers: false,
  stubZones: true,
  setup(directives, block): Stage {
    const { log: ours } = block.services
    const warn = (message: string): void => ours.plugin('log').warning(message)
    const rules = readRules(directives, warn, new BlockMetadata(block))
    const byZone = tableOf(rules)
    /** Where one rule is for all names, none has to be looked for. */
    const only = rules[0]?.zone === '.' ? rules[0] : null
    // Without the plugin's prefix: the line is CoreDNS's.
    const { clock, log: output } = block.services
    return {
      observe(q) {
        const rule = only ?? byZone.find(q.wire, q.question)
        if (rule === undefined) return
        if (rule.classes !== ALL_CLASSES && (rule.classes & classOf(q)) === 0) return
        if (isBlocked(output)) return
        const seconds = Math.round((clock.refresh() - q.receivedAt) * 1000) / 1e6
        output.info(rule.format.write(q, seconds), {
          plugin: 'log',
          name: nameText(q.wire, q.question, true),
          type: typeName(q.question.type),
          rcode: rcodeName(q.rcode),
          duration: seconds,
          client: q.target.remoteAddress(q),
        })
      },
      describe: () => rules.map(describe),
    }
  },
}

/** For each zone the first rule that holds it, so that the longest zone of a name gives its rule. */
function tableOf(rules: readonly Rule[]): ZoneTable<Rule> {
  const table = new ZoneTable<Rule>()
  for (const zone of new Set(rules.map((rule) => rule.zone))) {
    const first = rules.find((rule) => isSubdomain(zone, rule.zone))
    if (first !== undefined) table.add(zone, first)
  }
  return table
}

function describe({ classes, source, zone }: Rule): string {
  const names = ['success', 'denial', 'error'].filter((_name, bit) => (classes & (1 << bit)) !== 0)
  return `${zone} ${source}${classes === ALL_CLASSES ? '' : ` class ${names.join(' ')}`}`
}
