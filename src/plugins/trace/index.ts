import { randomBytes } from 'node:crypto'
import { parseHostPort } from '../../lib/address.ts'
import { TimeOfDay } from '../../lib/time-of-day.ts'
import { version } from '../../lib/version.ts'
import type { BlockContext, Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { rcodeName, typeName } from '../../wire/codes.ts'
import { nameText } from '../../wire/question.ts'
import { Collector } from './collector.ts'
import { readConfig, type TraceConfig } from './config.ts'
import { metrics, traceCounters } from './counters.ts'
import { OtlpEncoding } from './otlp.ts'
import { datadogJson, type Encoding, type Span, zipkinJson } from './span.ts'

/** `trace`: spans of queries, and of what upstreams were asked for them, for a collector of traces. */
export const trace: Plugin = {
  name: 'trace',
  changesAnswers: false,
  metrics,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('trace')
    const config = readConfig(directives, (message) => log.warning(message))
    const collector = collectorOf(config, block)
    const { clock } = block.services
    const time = new TimeOfDay(clock)
    let queries = 0
    return {
      metadata: [{ label: 'trace/traceid', late: true, of: (q) => q.traceId || null }],
      wrap: (next: Handler): Handler => {
        return (q) => {
          // A question inside a traced one is part of its trace.
          if (config.every > 0 && ++queries % config.every === 0 && q.traceId === '') {
            q.traceId = hex(16)
          }
          next(q)
        }
      },
      observe(q) {
        // One of our own is no query of a client, and its questions are in the trace.
        if (q.traceId === '' || q.depth > 0) return
        const { receivedAt, target } = q
        const answered = q.outcome !== Outcome.Drop
        collector.add({
          traceId: q.traceId,
          id: rootOf(q),
          parentId: null,
          name: 'servedns',
          start: time.at(receivedAt),
          duration: clock.refresh() - receivedAt,
          peer: { host: target.remoteAddress(q), port: target.remotePort(q) },
          tags: {
            'coredns.io/name': nameText(q.wire, q.question, true),
            'coredns.io/type': typeName(q.question.type),
            'coredns.io/rcode': answered ? rcodeName(q.rcode) : '-',
            'coredns.io/proto': protocolNames[target.protocol],
            'dnslet/answered-by': q.answeredBy,
          },
          failed: !answered || q.error !== null,
        })
      },
      exchanged(q, { reply, sentAt, transport, upstream }) {
        if (q.traceId === '') return
        collector.add({
          traceId: q.traceId,
          id: hex(8),
          parentId: rootOf(q),
          name: 'connect',
          start: time.at(sentAt),
          duration: clock.refresh() - sentAt,
          peer: peerOf(upstream),
          tags: { 'peer.address': upstream, 'network.transport': transport },
          failed: reply === null,
        })
      },
      stop: (final) => (final ? collector.end() : Promise.resolve()),
      describe: () => [`${config.type} ${config.url}, one query of ${config.every}`],
    }
  },
}

const protocolNames = ['udp', 'tcp'] as const

function peerOf(upstream: string): Span['peer'] {
  const peer = parseHostPort(upstream)
  return typeof peer === 'string' ? { host: upstream, port: 0 } : peer
}

function hex(octets: number): string {
  return randomBytes(octets).toString('hex')
}

/** The span of the query itself: a part of the trace's number. */
function rootOf({ traceId }: Query): string {
  return traceId.slice(16)
}

/** Outlives reloads, with what waits in it. */
function collectorOf(config: TraceConfig, { services }: BlockContext): Collector {
  const { analyticsRate, backlog, batch, interval, service, type, url } = config
  const { clock } = services
  const log = services.log.plugin('trace')
  const encodings: Readonly<Record<TraceConfig['type'], Encoding>> = {
    zipkin: json((spans) => zipkinJson(spans, service)),
    datadog: json((spans) => datadogJson(spans, service, analyticsRate)),
    otlp: new OtlpEncoding(service, version()),
  }
  const counters = traceCounters.get(url)
  return services.keep(
    `trace ${JSON.stringify([type, url, service, backlog, batch, interval, analyticsRate])}`,
    () => new Collector({ config, counters, log, now: () => clock.now, encoding: encodings[type] }),
    endCollector,
  )
}

function json(encode: (spans: readonly Span[]) => string): Encoding {
  return { contentType: 'application/json', encode }
}

/** Bound to nothing, as what it ends outlives configurations. */
function endCollector(collector: Collector): void {
  void collector.end()
}
