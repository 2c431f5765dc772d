/** What dnsperf says about one run. */
export interface LoadReport {
  readonly sent: number
  readonly completed: number
  readonly lost: number
  /** Answers by response code, e.g. NOERROR. */
  readonly rcodes: Readonly<Record<string, number>>
  /** From the first query to the last answer. */
  readonly seconds: number
  readonly queriesPerSecond: number
}

/** Reads the statistics at the end of dnsperf's output. Throws Error when they are incomplete. */
export function parseReport(output: string): LoadReport {
  return {
    sent: field(output, 'Queries sent'),
    completed: field(output, 'Queries completed'),
    lost: field(output, 'Queries lost'),
    rcodes: parseRcodes(output),
    seconds: field(output, 'Run time (s)'),
    queriesPerSecond: field(output, 'Queries per second'),
  }
}

function field(output: string, label: string): number {
  const start = output.lastIndexOf(`\n  ${label}:`)
  const value = start < 0 ? NaN : Number.parseFloat(output.slice(start + label.length + 4))
  if (Number.isNaN(value)) throw new Error(`Cannot read dnsperf's output: no "${label}"`)
  return value
}

function parseRcodes(output: string): Record<string, number> {
  // The line is empty when nothing was answered.
  const line = /^ {2}Response codes:(.*)$/m.exec(output)?.at(1) ?? ''
  const pairs = [...line.matchAll(/([A-Z0-9]+) (\d+) \(/g)]
  return Object.fromEntries(pairs.map((pair) => [pair.at(1) ?? '', Number(pair.at(2))]))
}

/** Answers whose response code is not among `expected`. */
export function countUnexpected(report: LoadReport, expected: readonly string[]): number {
  let count = 0
  for (const [rcode, answers] of Object.entries(report.rcodes)) {
    if (!expected.includes(rcode)) count += answers
  }
  return count
}

/**
 * Latencies in microseconds from the lines `> RCODE name type seconds` that `dnsperf -v` prints.
 * A query that timed out prints `> T …`: it counts as lost, not as a latency.
 */
export function parseLatencies(output: string): Float64Array {
  const latencies: number[] = []
  for (const line of output.split('\n')) {
    if (!line.startsWith('> ') || line.startsWith('> T ')) continue
    const seconds = Number(line.slice(line.lastIndexOf(' ') + 1))
    if (!Number.isNaN(seconds)) latencies.push(seconds * 1e6)
  }
  return Float64Array.from(latencies)
}
