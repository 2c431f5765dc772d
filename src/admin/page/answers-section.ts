import type { Status, Traffic } from '../api.ts'
import { lastSeconds, share } from './figures.ts'
import { age, count } from './format.ts'
import { markup, type Markup } from './markup.ts'
import { bar, section, shareText, table } from './parts.ts'

const MOST_ROWS = 12

/** Answers by rcode and queries by source. */
export function answersSection(status: Status, traffic: Traffic): Markup {
  const { rcodes, sources } = status.totals
  const shown = traffic.steps.length * traffic.stepSeconds
  const recent = lastSeconds(traffic, shown)
  const all = new Set([...Object.keys(recent.rcodes), ...Object.keys(rcodes)])
  const rows = [...all].map((rcode) => ({
    rcode,
    recent: recent.rcodes[rcode] ?? 0,
    total: rcodes[rcode] ?? 0,
  }))
  rows.sort((a, b) => b.recent - a.recent || b.total - a.total)
  const asked = Object.entries(sources).toSorted(([, a], [, b]) => b - a)
  const sum = asked.reduce((total, [, queries]) => total + queries, 0)
  return section('answers', 'Answers', [
    table({
      caption: 'By rcode',
      rows,
      most: MOST_ROWS,
      empty: 'No answer yet.',
      columns: [
        { title: 'Rcode', kind: 'word', cell: ({ rcode }) => rcode },
        {
          title: shown > 0 ? `In ${age(shown * 1_000)}` : 'Lately',
          kind: 'number',
          cell: (row) => count(row.recent),
        },
        { title: 'Share', kind: 'number', cell: (row) => shareOf(row.recent, recent.answers) },
        { title: 'In all', kind: 'number', cell: ({ total }) => count(total) },
      ],
    }),
    table({
      caption: 'By who asked, since the start',
      rows: asked,
      most: MOST_ROWS,
      empty: 'Nobody has asked yet.',
      columns: [
        { title: 'Source', kind: 'word', cell: ([source]) => source },
        { title: 'Queries', kind: 'number', cell: ([, queries]) => count(queries) },
        { title: 'Share', kind: 'number', cell: ([, queries]) => shareOf(queries, sum) },
      ],
    }),
  ])
}

function shareOf(part: number, whole: number): Markup {
  const one = share(part, whole)
  return markup`${shareText(one)} ${bar(one ?? 0)}`
}
