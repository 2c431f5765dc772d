import type { Log } from '../../lib/log.ts'
import { plural } from '../../lib/plural.ts'
import { BlockMetadata } from '../../serve/metadata.ts'
import type { Explained } from '../../serve/inspection.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import type { Query } from '../../serve/query.ts'
import { className, Rcode, rcodeName, typeName } from '../../wire/codes.ts'
import { nameText } from '../../wire/question.ts'
import { answer } from './answer.ts'
import { readConfig, type TemplateConfig } from './config.ts'
import { Matched, type RuleZone } from './data.ts'
import { metrics } from './metrics.ts'
import type { NamedPattern } from './pattern.ts'
import { failWith } from './reply.ts'
import { Reporter } from './reporter.ts'
import { Rule } from './rule.ts'

/** `template`: answers made from the question by patterns and Go templates. */
export const template: Plugin = {
  name: 'template',
  changesAnswers: true,
  metrics,
  setup(directives, block): Stage {
    const { services, view, zones } = block
    const log = services.log.plugin('template')
    const configs = readConfig(directives, zones, (message) => log.warning(message))
    for (const config of configs) warnOfBadRecords(config, log)
    const rules = configs.map((config) => new Rule(config, view))
    const reporter = new Reporter(log, services.clock, view)
    const metadata = new BlockMetadata(block)
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          // Made for the first pattern that needs it.
          let name = ''
          for (const rule of rules) {
            const zone = rule.zoneOf(q)
            if (zone === undefined) continue
            if (name === '' && !rule.takesAllNames) name = nameText(q.wire, q.question, true)
            const pattern = rule.matchOf(name)
            if (pattern !== null) {
              const matched = match(rule, q, zone, pattern, metadata)
              answer(rule.config, matched, reporter, done)
              return
            }
            if (rule.passes(q)) continue
            failWith(q, Rcode.ServFail, null)
            done(q)
            return
          }
          next(q)
        }
      },
      explain: (q) => explain(q, rules),
      describe: () => configs.map(describe),
    }
  },
}

function explain(q: Query, rules: readonly Rule[]): Explained {
  const name = nameText(q.wire, q.question, true)
  for (const rule of rules) {
    if (rule.zoneOf(q) === undefined) continue
    if (rule.matchOf(name) !== null) return { says: [describe(rule.config)], ends: true }
    if (!rule.passes(q)) return { says: ['SERVFAIL: no pattern matches'], ends: true }
  }
  return { says: [], ends: false }
}

function match(
  rule: Rule,
  q: Query,
  zone: RuleZone,
  pattern: NamedPattern,
  metadata: BlockMetadata,
): Matched {
  const klass = rule.classOf(q)
  const type = rule.typeOf(q)
  zone.matches.count(q.server, klass, type)
  return new Matched(q, zone, pattern, metadata, klass, type)
}

function warnOfBadRecords(
  { additional, answer: answers, authority }: TemplateConfig,
  log: Log,
): void {
  for (const made of [...answers, ...additional, ...authority]) {
    const problem = made.problem()
    if (problem === null) continue
    const { file, line } = made.token
    log.warning(`${file}:${line} - every query that matches will get SERVFAIL: ${problem}`)
  }
}

function describe(config: TemplateConfig): string {
  const { additional, answer: answers, authority, patterns, rcode, zones } = config
  const which = patterns.some(({ pattern }) => pattern === null) ? 'names' : 'names that match'
  const records = answers.length + authority.length + additional.length
  const made = `${rcodeName(rcode)} and ${plural(records, 'record')}`
  return `${className(config.class)} ${typeName(config.type)}, ${which} in ${zones.join(' ')}: ${made}`
}
