import type { Status, Traffic } from '../api.ts'
import { columnsOf, type Figures, quantile, share, slowerThan } from './figures.ts'
import { count, counted, digits, duration, percent, time } from './format.ts'
import { markup, type Markup } from './markup.ts'
import { sectionEnd, sectionHead, shareText, table } from './parts.ts'
import { bars, heatCells, niceCeiling, plot, steps, thresholds } from './plot.ts'

/** Columns of the charts: fewer steps lie at their right end, more are taken together. */
const LEAST_COLUMNS = 120
const MOST_COLUMNS = 120
const TIME_LABELS = 5
const MOST_ROWS = 12
/** Every second bound of the heat map has its label. */
const BOUND_LABELS = 2

interface Charts {
  readonly traffic: Traffic
  readonly columns: readonly Figures[]
  /** Columns of the plot, those without data included. */
  readonly width: number
  readonly hints: readonly string[]
}

/** The charts, one by one: they are what takes longest. */
export function* trafficSection(status: Status, traffic: Traffic): Generator<Markup> {
  const [first] = columnsOf(traffic, 1)
  // Just started: the charts are there, and nothing is in them.
  const at = new Date(Date.parse(status.now) - 1_000 * traffic.stepSeconds).toISOString()
  const before = { at, queries: 0, hits: 0, rcodes: {}, latency: [] }
  const shown = first === undefined ? { ...traffic, steps: [before] } : traffic
  const columns = columnsOf(shown, MOST_COLUMNS)
  const width = Math.max(LEAST_COLUMNS, columns.length)
  const hints = first === undefined ? [] : columns.map((one) => hint(one, traffic))
  const charts = { traffic, columns, width, hints }
  yield sectionHead('traffic', 'Traffic')
  yield rateChart(charts)
  yield ratioChart(charts)
  yield failureChart(charts)
  yield heatMap(charts)
  yield minutes(status, traffic)
  yield sectionEnd
}

function hint(figures: Figures, { bounds }: Traffic): string {
  const { at, seconds, queries, hits, failures, latency } = figures
  const slowest = quantile(latency, bounds, 0.99)
  const p99 = slowest === null ? '' : `, p99 ${boundText(slowest, bounds)}`
  const clock = at.slice(11, 19)
  return `${clock}: ${digits(queries / seconds)}/s, ${shareText(share(hits, queries))} from the cache, ${count(failures)} failed${p99}`
}

function boundText(bound: number, bounds: readonly number[]): string {
  return bound === Infinity
    ? `> ${duration(1_000 * (bounds.at(-1) ?? 0))}`
    : `≤ ${duration(1_000 * bound)}`
}

/** Values of the columns at the right end of the plot. */
function aligned<T>(charts: Charts, before: T, of: (figures: Figures) => T): T[] {
  const gap = new Array<T>(charts.width - charts.columns.length).fill(before)
  return [...gap, ...charts.columns.map(of)]
}

function rateChart(charts: Charts): Markup {
  const rates = charts.columns.map(({ queries, seconds }) => queries / seconds)
  const peak = Math.max(...rates)
  const top = niceCeiling(peak)
  const hits = aligned(charts, 0, ({ hits: n, seconds }) => n / seconds / top)
  const others = aligned(
    charts,
    0,
    ({ hits: n, queries, seconds }) => (queries - n) / seconds / top,
  )
  return figure(
    'Queries per second',
    [key('hits', 'answered from the cache'), key('misses', 'all others')],
    plot({
      kind: 'tall',
      title: 'Queries per second',
      summary: `${digits(rates.at(-1)!)} at the end, ${digits(peak)} at most`,
      columns: charts.width,
      paths: [
        { of: 'hits', d: bars(hits) },
        { of: 'misses', d: bars(others, hits) },
      ],
      lines: [0, 0.5, 1],
      hints: charts.hints,
      labels: [digits(top), digits(top / 2), '0'],
    }),
    charts,
  )
}

function ratioChart(charts: Charts): Markup {
  const ratios = charts.columns.map(({ hits, queries }) => share(hits, queries))
  const known = ratios.filter((ratio) => ratio !== null)
  const summary =
    known.length === 0
      ? 'No query'
      : `${percent(known.at(-1)!)} at the end, from ${percent(Math.min(...known))} to ${percent(Math.max(...known))}`
  return figure(
    'Share answered from the cache',
    [],
    plot({
      kind: 'low',
      title: 'Share answered from the cache',
      summary,
      columns: charts.width,
      paths: [
        { of: 'ratio', d: steps(aligned(charts, null, (one) => share(one.hits, one.queries))) },
      ],
      lines: [0, 1],
      hints: [],
      labels: ['100 %', '0 %'],
    }),
    charts,
  )
}

function failureChart(charts: Charts): Markup {
  const shares = charts.columns.map(({ failures, answers }) => share(failures, answers) ?? 0)
  const peak = Math.max(...shares)
  const top = peak === 0 ? 0.01 : Math.min(1, niceCeiling(peak))
  return figure(
    'Share of failures',
    [
      key('failures', 'neither NOERROR nor NXDOMAIN'),
      ...(peak === 0 ? [markup`<li>none</li>`] : []),
    ],
    plot({
      kind: 'low',
      title: 'Share of failures',
      summary:
        peak === 0 ? 'None' : `${percent(shares.at(-1)!)} at the end, ${percent(peak)} at most`,
      columns: charts.width,
      paths: [
        {
          of: 'failures',
          d: bars(aligned(charts, 0, (one) => (share(one.failures, one.answers) ?? 0) / top)),
        },
      ],
      lines: [0, 1],
      hints: [],
      labels: [percent(top), '0 %'],
    }),
    charts,
  )
}

function heatMap(charts: Charts): Markup {
  const { bounds } = charts.traffic
  const cells = aligned(charts, [] as readonly number[], ({ latency }) => latency)
  const levels = thresholds(Math.max(0, ...cells.flat()))
  const all = charts.columns.reduce<number[]>(
    (sums, { latency }) => latency.map((n, i) => n + (sums[i] ?? 0)),
    [],
  )
  const half = quantile(all, bounds, 0.5)
  const slowest = quantile(all, bounds, 0.99)
  const summary =
    half === null || slowest === null
      ? 'No query'
      : `p50 ${boundText(half, bounds)}, p99 ${boundText(slowest, bounds)}, ${counted(slowerThan(all, bounds, 1), 'query', 'queries')} over 1 s`
  const rows = [Infinity, ...bounds.toReversed()]
  const { seconds } = charts.columns.at(-1)!
  const unit = markup`<li>queries in ${counted(seconds, 'second', 'seconds')}:</li>`
  const keys = levels.map((least, i) =>
    key(
      `heat${heatClass(i, levels)}`,
      `${count(least)}${i < levels.length - 1 ? '' : ' and more'}`,
    ),
  )
  return figure(
    'Latency',
    keys.length > 0 ? [unit, ...keys] : unmeasured(charts.columns),
    plot({
      kind: 'heat',
      title: 'Latency heat map',
      summary,
      columns: charts.width,
      paths: heatCells(cells, levels).map((d, i) => ({ of: `heat${heatClass(i, levels)}`, d })),
      lines: [0, 1],
      hints: charts.hints,
      labels: rows.map((bound, i) =>
        (rows.length - i) % BOUND_LABELS === 1 ? boundText(bound, bounds) : '',
      ),
    }),
    charts,
  )
}

/** Why the map is empty, where there are queries. */
function unmeasured(columns: readonly Figures[]): Markup[] {
  return columns.some(({ queries }) => queries > 0)
    ? [markup`<li>measured only in blocks with the plugin prometheus</li>`]
    : []
}

/** Few levels still reach the ends of the ramp of colours. */
function heatClass(level: number, levels: readonly number[]): number {
  return levels.length === 1 ? 3 : Math.round((6 * level) / (levels.length - 1))
}

function key(of: string, text: string): Markup {
  return markup`<li><svg class="key" viewBox="0 0 1 1" aria-hidden="true"><rect class="${of}" width="1" height="1"/></svg>${text}</li>`
}

function figure(title: string, keys: readonly Markup[], chart: Markup, charts: Charts): Markup {
  const legend = keys.length === 0 ? null : markup`<ul class="legend">${keys}</ul>`
  return markup`<figure><figcaption><h3>${title}</h3>${legend}</figcaption>${chart}${times(charts)}</figure>
`
}

/** The times at the beginning, the end and evenly between. */
function times({ traffic: { stepSeconds }, columns, width }: Charts): Markup {
  const last = columns.at(-1)!
  const end = Date.parse(last.at) + last.seconds * 1_000
  const length = width * Math.max(stepSeconds, columns[0]!.seconds, last.seconds) * 1_000
  const labels = Array.from({ length: TIME_LABELS }, (_, i) => {
    const at = end - length * (1 - i / (TIME_LABELS - 1))
    return markup`<span>${Number.isFinite(at) ? new Date(at).toISOString().slice(11, 19) : ''}</span>`
  })
  return markup`<div class="times" aria-hidden="true">${labels}</div>`
}

/** The same as numbers, for who does not see the charts or wants to copy them. */
function minutes(status: Status, traffic: Traffic): Markup {
  const size = Math.max(1, Math.round(60 / traffic.stepSeconds))
  const rows = columnsOf(traffic, Math.ceil(traffic.steps.length / size)).toReversed()
  return markup`<details><summary>The same as a table</summary>${table<Figures>({
    caption: 'Traffic by minute, the last one first',
    rows,
    most: MOST_ROWS,
    empty: '',
    columns: [
      { title: 'From', cell: ({ at }) => time(at, status.now) },
      {
        title: 'Queries/s',
        kind: 'number',
        cell: ({ queries, seconds }) => digits(queries / seconds),
      },
      {
        title: 'From cache',
        kind: 'number',
        cell: ({ hits, queries }) => shareText(share(hits, queries)),
      },
      { title: 'Failed', kind: 'number', cell: ({ failures }) => count(failures) },
      { title: 'p50', kind: 'number', cell: ({ latency }) => tail(latency, traffic, 0.5) },
      { title: 'p99', kind: 'number', cell: ({ latency }) => tail(latency, traffic, 0.99) },
    ],
  })}</details>`
}

function tail(latency: readonly number[], { bounds }: Traffic, q: number): string {
  const bound = quantile(latency, bounds, q)
  return bound === null ? '–' : boundText(bound, bounds)
}
