import { printable } from '../../lib/printable.ts'
import type { BenchResult, Run } from '../../load/result.ts'
import { count, share, time } from './figures.ts'
import { histogramLines, type Style } from './histogram.ts'

/** Lines of a histogram: alone, and among others. */
const ROWS = 20
const ROWS_OF_MANY = 8

/** What a bench has found, for a terminal or a file. */
export function textReport(result: BenchResult, style: Style): string {
  const { runs } = result
  const rows = runs.length === 1 ? ROWS : ROWS_OF_MANY
  const lines = [headOf(result)]
  for (const run of runs) lines.push('', ...runLines(run, rows, style))
  if (runs.length > 1) lines.push('', ...tableLines(runs, style.width))
  if (result.notes.length > 0) lines.push('', ...result.notes.map((note) => `Note: ${note}`))
  return `${lines.map((line) => keepColours(line, style)).join('\n')}\n`
}

/** Names of hosts come from files, and rcodes from the network. */
function keepColours(line: string, { colour }: Style): string {
  return colour ? line : printable(line)
}

function headOf({ interrupted, options }: BenchResult): string {
  const [first = ''] = options.hosts
  const hosts = options.hostCount === 1 ? printable(first) : `${count(options.hostCount)} hosts`
  const pace = options.rate === null ? '' : `, ${count(options.rate)} a second`
  const ended = interrupted ? ' (ended early)' : ''
  return (
    `${hosts} (${options.types.join(', ')}), ${count(options.concurrency)} at a time${pace}, ` +
    `${options.seconds} s, limit ${time(options.limitMs)}${ended}`
  )
}

function runLines(run: Run, rows: number, style: Style): string[] {
  const { errorCount, latency, limitMs, overLimit, packets, requests } = run
  const title = `${run.client} at ${run.server}`
  const lines = [
    style.colour ? `\x1b[1m${title}\x1b[0m` : title,
    row('requests', `${count(requests)} (${count(run.perSecond)} a second)`),
    row('errors', `${count(errorCount)} (${share(errorCount, requests)})${listOf(run.errors)}`),
    row(`over ${time(limitMs)}`, `${count(overLimit)} (${share(overLimit, requests)})`),
    row('answers', listOf(run.rcodes).replace(/^: /, '') || 'none'),
  ]
  if (packets !== null) {
    const { connections, received, rejected, retries, sent } = packets
    const more = [
      retries > 0 ? `${count(retries)} sent again` : '',
      rejected > 0 ? `${count(rejected)} were no answer` : '',
      connections > 0 ? `${count(connections)} connections` : '',
    ].filter((text) => text !== '')
    const messages = [`${count(sent)} sent`, `${count(received)} received`, ...more]
    lines.push(row('messages', messages.join(', ')))
  }
  if (latency === null) return [...lines, row('latency', 'no request has ended')]
  const { avg, max, min, p50, p90, p99, p999 } = latency
  lines.push(
    row('min/avg/max', [min, avg, max].map(time).join(' / ')),
    row('p50/p90/p99/p99.9', [p50, p90, p99, p999].map(time).join(' / ')),
    '',
    ...histogramLines(run.histogram, limitMs, rows, style),
  )
  return lines
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(18)} ${text}`
}

function listOf(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, n]) => `${name} ${count(n)}`)
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`
}

interface Column {
  readonly title: string
  /** Columns with a lower number stay where there is little room. */
  readonly rank: number
  readonly of: (run: Run) => string
}

const latencyOf =
  (key: keyof NonNullable<Run['latency']>) =>
  ({ latency }: Run): string =>
    latency === null ? '' : time(latency[key])

function columnsFor(limitMs: number): readonly Column[] {
  return [
    { title: 'client', rank: 0, of: ({ client }) => client },
    { title: 'server', rank: 0, of: ({ server }) => server },
    { title: 'requests', rank: 0, of: ({ requests }) => count(requests) },
    { title: 'a second', rank: 7, of: ({ perSecond }) => count(perSecond) },
    { title: 'errors', rank: 0, of: ({ errorCount }) => count(errorCount) },
    { title: `over ${time(limitMs)}`, rank: 0, of: ({ overLimit }) => count(overLimit) },
    { title: 'min', rank: 8, of: latencyOf('min') },
    { title: 'avg', rank: 4, of: latencyOf('avg') },
    { title: 'p50', rank: 2, of: latencyOf('p50') },
    { title: 'p90', rank: 6, of: latencyOf('p90') },
    { title: 'p99', rank: 1, of: latencyOf('p99') },
    { title: 'p99.9', rank: 5, of: latencyOf('p999') },
    { title: 'max', rank: 3, of: latencyOf('max') },
  ]
}

/** A line for each run; columns that tell less go where the terminal is narrow. */
function tableLines(runs: readonly Run[], width: number): string[] {
  let columns = columnsFor(runs[0]!.limitMs)
  for (;;) {
    const cells = [
      columns.map(({ title }) => title),
      ...runs.map((run) => columns.map((c) => c.of(run))),
    ]
    const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)))
    const least = Math.max(...columns.map(({ rank }) => rank))
    const total = widths.reduce((sum, one) => sum + one + 2, -2)
    if (total <= width || least === 0) {
      return cells.map((line) =>
        line
          .map((cell, i) => padded(cell, widths[i]!, i))
          .join('  ')
          .trimEnd(),
      )
    }
    columns = columns.filter(({ rank }) => rank < least)
  }
}

/** Words to the left, figures to the right. */
function padded(cell: string, width: number, column: number): string {
  return column < 2 ? cell.padEnd(width) : cell.padStart(width)
}
