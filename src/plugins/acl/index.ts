import { ByServer } from '../../lib/counters.ts'
import { hasIPv6Address } from '../../serve/client-place.ts'
import type { Explained } from '../../serve/inspection.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { beginReply, endReply } from '../../serve/reply-writer.ts'
import { ZoneTable } from '../../serve/zone-table.ts'
import { Ede, Rcode } from '../../wire/codes.ts'
import { type Action, type Policy, readRules, type Rule } from './config.ts'
import { allowCounters, metrics, type RejectCounters, rejectCounters } from './metrics.ts'

type CountersByServer = ByServer<RejectCounters>

/** An `acl` as queries meet it. */
interface CompiledRule {
  readonly zones: ZoneTable<CountersByServer>
  readonly policies: readonly Policy[]
}

/** Where addresses stand in the socket addresses of clients, and how long they are. */
const IPV4_AT = 4
const IPV4_SIZE = 4
const IPV6_AT = 8
const IPV6_SIZE = 16

/** `acl`: which clients may ask what. */
export const acl: Plugin = {
  name: 'acl',
  changesAnswers: false,
  metrics,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('acl')
    const read = readRules(directives, block.zones, (message) => log.warning(message))
    const rules = read.map((rule) => compile(rule, block.view))
    const allowed = new ByServer(allowCounters, block.view)
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          if (q.own) {
            next(q)
            return
          }
          for (let i = 0; i < rules.length; i++) {
            const { policies, zones } = rules[i]!
            const counted = zones.find(q.wire, q.question)
            const action = counted === undefined ? null : actionFor(q, policies)
            if (action === null) continue
            if (action === 'allow') break
            reject(q, action, counted!.of(q.server))
            done(q)
            return
          }
          allowed.of(q.server).allowed++
          next(q)
        }
      },
      explain: (q) => explain(q, rules),
      describe: () => read.flatMap(describe),
    }
  },
}

function compile({ policies, zones }: Rule, view: string): CompiledRule {
  const table = new ZoneTable<CountersByServer>()
  for (const zone of zones) table.add(zone, new ByServer(rejectCounters, zone, view))
  return { zones: table, policies }
}

/** What the first policy that matches says of a query; null where none does. */
function actionFor({ client, question }: Query, policies: readonly Policy[]): Action | null {
  const isIPv6 = hasIPv6Address(client)
  const at = isIPv6 ? IPV6_AT : IPV4_AT
  const size = isIPv6 ? IPV6_SIZE : IPV4_SIZE
  for (let i = 0; i < policies.length; i++) {
    const { action, sources, types } = policies[i]!
    if (types !== null && !types.has(question.type)) continue
    if (sources === null || sources.has(client, at, size)) return action
  }
  return null
}

function reject(q: Query, action: 'block' | 'filter' | 'drop', counted: RejectCounters): void {
  if (action === 'drop') {
    counted.dropped++
    q.outcome = Outcome.Drop
    q.answeredBy = 'acl'
  } else if (action === 'block') {
    counted.blocked++
    answer(q, Rcode.Refused, Ede.Blocked)
  } else {
    counted.filtered++
    answer(q, Rcode.NoError, Ede.Filtered)
  }
}

/** A message, not a failure: `dns64` above takes it for an answer without addresses, as in CoreDNS. */
function answer(q: Query, rcode: number, ede: number): void {
  beginReply(q, rcode, 0)
  endReply(q, 'acl')
  q.ede = ede
}

/** The policies that the question may meet, down to the first that holds for every client. */
function explain({ question, wire }: Query, rules: readonly CompiledRule[]): Explained {
  const says: string[] = []
  for (const { policies, zones } of rules) {
    if (zones.find(wire, question) === undefined) continue
    for (const { action, sources, text, types } of policies) {
      if (types !== null && !types.has(question.type)) continue
      says.push(`${text}: ${sources === null ? 'every client' : 'clients in these networks'}`)
      if (sources === null) return { says, ends: says.length === 1 && action !== 'allow' }
    }
  }
  return { says, ends: false }
}

function describe({ policies, zones }: Rule): string[] {
  return policies.map(({ text }) => `${text}, in ${zones.join(' ')}`)
}
