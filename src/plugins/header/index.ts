import type { Plugin, Stage } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { Flag } from '../../wire/codes.ts'
import { readFlags, writeFlags } from '../../wire/header.ts'
import { type FlagRules, type HeaderConfig, readConfig } from './config.ts'

/** `header`: sets and clears flags of what is asked below it, and of the answers. */
export const header: Plugin = {
  name: 'header',
  // It stands below `cache`, which stores AA and RA as it leaves them.
  changesAnswers: true,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('header')
    const config = readConfig(directives, (message) => log.warning(message))
    const { query, response } = config
    return {
      wrap: (next) => (changes(query, Flag.RD) ? (q) => next(withRules(q, query)) : next),
      unwrap: (done) => (q) => {
        restore(q, query)
        if (q.outcome === Outcome.Message) changeReply(q, response)
        done(q)
      },
      describe: () => describe(config),
    }
  },
}

function changes({ clear, set }: FlagRules, bits: number): boolean {
  return ((clear | set) & bits) !== 0
}

function apply(flags: number, { clear, set }: FlagRules): number {
  return (flags & ~clear) | set
}

/** Of a query's flags RD alone goes on to stages and upstreams: AA and RA mean nothing there. */
function withRules(q: Query, rules: FlagRules): Query {
  q.flags = (q.flags & ~Flag.RD) | (apply(q.flags, rules) & Flag.RD)
  return q
}

/** The answer repeats RD as the client has it (RFC 1035 §4.1.1). */
function restore(q: Query, query: FlagRules): void {
  if (changes(query, Flag.RD)) q.flags = (q.flags & ~Flag.RD) | (readFlags(q.wire) & Flag.RD)
}

/** RD is taken from the query when the reply is finished. */
function changeReply(q: Query, rules: FlagRules): void {
  writeFlags(q.out, apply(readFlags(q.out), rules))
  withRules(q, rules)
}

function describe({ query, response }: HeaderConfig): string[] {
  return [...linesOf('query', query), ...linesOf('response', response)]
}

function linesOf(selector: string, { clear, set }: FlagRules): string[] {
  return (['set', 'clear'] as const).flatMap((action) => {
    const bits = action === 'set' ? set : clear
    const flags = (['AA', 'RA', 'RD'] as const).filter((name) => (bits & Flag[name]) !== 0)
    return flags.length === 0 ? [] : [`${selector} ${action} ${flags.join(' ').toLowerCase()}`]
  })
}
