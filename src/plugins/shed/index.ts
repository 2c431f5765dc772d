import { bare, errorAt, inPlugin } from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import { shown } from '../../corefile/token.ts'
import type { MetricSpec } from '../../lib/metrics.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { Outcome } from '../../serve/query.ts'
import { shedByServer, shedCounters } from '../../serve/shed-counters.ts'

const droppedMetric: MetricSpec = {
  name: 'coredns_shed_dropped_total',
  help: 'Queries and responses dropped over UDP because the socket took no more, by reason.',
  type: 'counter',
  labels: ['server', 'reason'],
  collect(emit) {
    for (const [[server = ''], { queries, responses }] of shedCounters.entries()) {
      if (queries > 0) emit([server, 'query'], queries)
      if (responses > 0) emit([server, 'response'], responses)
    }
  },
}

/** `shed`: drops queries whose answers would be dropped. */
export const shed: Plugin = {
  name: 'shed',
  changesAnswers: false,
  metrics: [droppedMetric],
  setup(directives, { keys }): Stage {
    bare(directives)
    const { name } = directives[0]!
    inPlugin(name, () => {
      for (const { scheme, token } of keys) {
        if (scheme === 'dns') continue
        const problem = `${quote(shown(token))} uses transport "${scheme}"`
        throw errorAt(name, `only plain DNS server blocks are supported; ${problem}`)
      }
    })
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          // Sockets alone can be full; streams have bounds of their own.
          if (q.target.isFull !== true) {
            next(q)
            return
          }
          shedByServer.of(q.server).queries++
          q.outcome = Outcome.Drop
          done(q)
        }
      },
    }
  },
}
