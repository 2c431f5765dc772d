import type { BenchResult } from '../../../load/result.ts'
import { markup, type Html } from './html.ts'
import { count, counted, duration, moment } from './numbers.ts'
import { MANNERS } from './ways.ts'

/** What each figure is, and is not, for who reads the report without the manual. */
export function meaning({ runs, options }: BenchResult): Html {
  const limit = duration(options.limitMs)
  const clients = [...new Set(runs.map(({ client }) => client))]
  return markup`<dl>
    <dt>a look-up</dt>
    <dd>
      One host as a program asks for it: ${options.types.join(' and ')}, with every retry and every
      step of the search list. Most of them are two queries or more.
    </dd>
    <dt>≥ ${limit}</dt>
    <dd>
      Look-ups that took ${limit} or more, failed or not. A program with a time-out of ${limit} has
      given up by then.
    </dd>
    <dt>p50, p99, p99.9</dt>
    <dd>
      So long at most took half of them, 99 of 100, 999 of 1,000. Five seconds in one of 1,000
      look-ups touch no p99, and one of 10 requests that need 100 look-ups each: look at max and
      p99.9.
    </dd>
    <dt>a step at 5 s</dt>
    <dd>
      A client waits so long for a lost packet before it asks again (musl: 2.5 s). A curve that is
      flat from milliseconds to 5 s and falls there lost packets; one that slopes has a slow server.
      On a cluster the classic place is conntrack: of A and AAAA, sent at once from one socket to an
      address that is translated, one is dropped or its answer is.
    </dd>
    <dt>timers late</dt>
    <dd>
      How exact the tester was. Latencies below this may be its own; with every core busy it
      measures itself.
    </dd>
    ${clients.map(
      (client) =>
        markup`<dt><code>--client ${client}</code></dt>
          <dd>${MANNERS[client] ?? 'a client that this version does not know'}.</dd>`,
    )}
  </dl>`
}

/** What was asked for, and with what. */
export function settings({ options, startedAt, seconds, interrupted, notes }: BenchResult): Html {
  const shown = options.hosts.slice(0, MOST_HOSTS)
  const more = options.hostCount - shown.length
  const hosts = `${shown.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`
  const rows: readonly (readonly [string, string])[] = [
    ['hosts', hosts],
    ['types', options.types.join(', ')],
    ['at a time', counted(options.concurrency, 'look-up')],
    ['seconds of each run', `${count(options.seconds)}${interrupted ? ', ended early' : ''}`],
    ['limit', duration(options.limitMs)],
    ['rate', options.rate === null ? 'as fast as answers came' : `${count(options.rate)} a second`],
    ['started', moment(startedAt)],
    ['all of it took', duration(seconds * 1000)],
    [
      'made by',
      `dnslet ${options.dnslet}, Node.js ${options.node}, ${counted(options.cpus, 'CPU')}`,
    ],
  ]
  const list = rows.map(
    ([name, value]) =>
      markup`<dt>${name}</dt>
        <dd>${value}</dd>`,
  )
  const said =
    notes.length === 0
      ? null
      : markup`<ul>
          ${notes.map((note) => markup`<li>${note}</li>`)}
        </ul>`
  return markup`${said}
    <dl>${list}</dl>`
}

const MOST_HOSTS = 10
