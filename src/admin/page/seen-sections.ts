import type { SeenQuery, Top, TopClient, TopEntry } from '../api.ts'
import { isFailure, isTrouble, share, SLOW_MS } from './figures.ts'
import { age, between, count, counted, duration, time } from './format.ts'
import { markup, type Markup } from './markup.ts'
import { bar, type Column, domainName, section, shareText, table } from './parts.ts'

const MOST_TOP = 12
const MOST_QUERIES = 20

/** @param queries the newest first; null for one that was neither */
export function queriesSection(queries: readonly (SeenQuery | null)[], now: string): Markup {
  const rows = queries.filter(
    (query): query is SeenQuery => query !== null && isTrouble(query.rcode, query.milliseconds),
  )
  return section(
    'queries',
    'Slow and failed queries',
    table<SeenQuery>({
      caption: `Those of the last ${counted(queries.length, 'query', 'queries')} that took ${SLOW_MS} ms or failed, the newest first`,
      rows,
      most: MOST_QUERIES,
      empty:
        queries.length === 0
          ? 'No query has been looked at yet: that begins when this page is opened.'
          : `None of the last ${counted(queries.length, 'query', 'queries')} took ${SLOW_MS} ms or failed.`,
      stacks: true,
      columns: [
        { title: 'Time', kind: 'word', cell: ({ at }) => time(at, now) },
        {
          title: 'Question',
          kind: 'wide',
          cell: question,
        },
        {
          title: 'Result',
          kind: 'word',
          cell: ({ rcode }) =>
            isFailure(rcode) ? markup`<span class="bad">${rcode}</span>` : rcode,
        },
        { title: 'Took', kind: 'number', cell: ({ milliseconds }) => duration(milliseconds) },
        { title: 'Client', cell: (query) => client(query.client, query.pod) },
        { title: 'Answered by', cell: answeredBy },
      ],
    }),
  )
}

function answeredBy({ isStale, plugin, upstream }: SeenQuery): Markup | string {
  const server = upstream === '' ? null : markup`<code>${upstream}</code>`
  if (isStale)
    return markup`${plugin}, with an expired answer${server === null ? null : markup`: ${server} was late or failed`}`
  return server === null ? plugin || 'nobody' : markup`${plugin} from ${server}`
}

function question({ name, type, protocol }: SeenQuery): Markup {
  const what = name === '' ? 'not readable' : markup`${domainName(name)} ${type}`
  return markup`${what} <span class="quiet">${protocol.toUpperCase()}</span>`
}

/** A pod by its name where that is known, else an address. */
function client(address: string, pod: string): Markup {
  return pod === ''
    ? markup`<code>${address}</code>`
    : markup`${pod} <code class="quiet">${address}</code>`
}

export function topSection(top: Top | null, now: string): Markup {
  if (top === null)
    return section(
      'top',
      'Most frequent',
      markup`<p class="empty">Nobody counts names and clients at the moment.</p>`,
    )
  const { since, queries } = top
  const note =
    queries === 0
      ? markup`Counting begins when somebody looks, as you do now. It ends a minute after the last look.`
      : markup`Of ${counted(queries, 'query', 'queries')} since ${time(since, now)} (${age(between(since, now))}): counting begins when somebody looks and ends a minute after the last look.`
  return section('top', 'Most frequent', [
    markup`<p class="quiet">${note}</p>`,
    markup`<div class="columns">${topTable('Names', top.names, queries)}${topTable('Names that do not exist (NXDOMAIN)', top.nxdomainNames, queries)}${clientTable(top.clients, queries)}</div>`,
  ])
}

function topTable(caption: string, rows: readonly TopEntry[], queries: number): Markup {
  return markup`<div>${table<TopEntry>({
    caption,
    rows,
    most: MOST_TOP,
    empty: `${caption}: none yet.`,
    columns: [
      { title: 'Name', kind: 'wide', cell: (row) => withBar(domainName(row.name), row, queries) },
      ...counts<TopEntry>(queries),
    ],
  })}</div>`
}

function clientTable(rows: readonly TopClient[], queries: number): Markup {
  return markup`<div>${table<TopClient>({
    caption: 'Clients',
    rows,
    most: MOST_TOP,
    empty: 'Clients: none yet.',
    columns: [
      {
        title: 'Client',
        kind: 'wide',
        cell: (row) => withBar(client(row.address, row.pod), row, queries),
      },
      ...counts<TopClient>(queries),
    ],
  })}</div>`
}

interface Counted {
  readonly count: number
  readonly error: number
}

function withBar(what: Markup, row: Counted, queries: number): Markup {
  return markup`${what} ${bar(share(row.count, queries) ?? 0)}`
}

function counts<Row extends Counted>(queries: number): Column<Row>[] {
  return [
    { title: 'Queries', kind: 'number', cell: range },
    { title: 'Share', kind: 'number', cell: (row) => shareText(share(row.count, queries)) },
  ]
}

/** A count from a sketch is too high by its error at most. */
function range({ count: times, error }: Counted): string {
  return error === 0 ? count(times) : `${count(Math.max(0, times - error))}–${count(times)}`
}
