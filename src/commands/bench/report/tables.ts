import type { BenchResult, Latency, Run } from '../../../load/result.ts'
import { markup, type Html } from './html.ts'
import { looksOf } from './looks.ts'
import { count, duration, percent } from './numbers.ts'

type Cell = Html | string

interface Column {
  readonly name: string
  readonly of: (run: Run) => Cell
}

const latency = (name: string, key: keyof Latency): Column => ({
  name,
  of: (run) => (run.latency === null ? '–' : overOrNot(run.latency[key], run)),
})

/** What matters first stands first: a phone shows three columns before one scrolls. */
const figures = (limitMs: number): readonly Column[] => [
  { name: 'look-ups', of: (run) => count(run.requests) },
  { name: `≥ ${duration(limitMs)}`, of: (run) => marked(run.overLimit, 'bad') },
  { name: 'failed', of: (run) => marked(run.errorCount, 'warn') },
  latency('min', 'min'),
  latency('avg', 'avg'),
  latency('p50', 'p50'),
  latency('p90', 'p90'),
  latency('p99', 'p99'),
  latency('p99.9', 'p999'),
  latency('max', 'max'),
  { name: 'per second', of: (run) => count(run.perSecond) },
]

const packets = (name: string, key: keyof NonNullable<Run['packets']>): Column => ({
  name,
  of: (run) => (run.packets === null ? '–' : count(run.packets[key])),
})

const WIRE: readonly Column[] = [
  packets('sent', 'sent'),
  packets('received', 'received'),
  packets('asked again', 'retries'),
  packets('not taken', 'rejected'),
  packets('connections', 'connections'),
  { name: 'answers', of: (run) => tally(run.rcodes, run) },
  { name: 'failures', of: (run) => tally(run.errors, run) },
  { name: 'timers late, p99', of: (run) => duration(run.lag.p99) },
  { name: 'at worst', of: (run) => duration(run.lag.max) },
]

/** Counts and percentiles, a row for each run. */
export function latencyTable({ runs, options }: BenchResult): Html {
  return table(figures(options.limitMs), runs)
}

/** What went over the wire, how requests ended, and how exact the tester was. */
export function wireTable({ runs }: BenchResult): Html {
  return table(WIRE, runs)
}

function table(columns: readonly Column[], runs: readonly Run[]): Html {
  const head = columns.map(({ name }) => markup`<th scope="col">${name}</th>`)
  const looks = looksOf(runs)
  const rows = runs.map(
    (run, i) =>
      markup`<tr>
        <th scope="row"><i class="key ${looks[i] ?? null}"></i>${run.label}</th>
        ${columns.map(({ of }) => markup`<td>${of(run)}</td>`)}
      </tr>`,
  )
  return markup`<div class="scroll">
    <table class="figures">
      <thead>
        <tr>
          <th scope="col">run</th>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}

function overOrNot(ms: number, run: Run): Cell {
  return ms < run.limitMs ? duration(ms) : markup`<b class="bad">${duration(ms)}</b>`
}

function marked(value: number, kind: string): Cell {
  return value === 0 ? '0' : markup`<b class="${kind}">${count(value)}</b>`
}

function tally(counts: Readonly<Record<string, number>>, run: Run): string {
  const parts = Object.entries(counts)
    .filter(([, value]) => value > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, value]) => `${name} ${percent(value, run.requests)}`)
  return parts.length === 0 ? '–' : parts.join(', ')
}
