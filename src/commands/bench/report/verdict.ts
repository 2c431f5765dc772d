import type { BenchResult, ErrorKind, Run } from '../../../load/result.ts'
import { count, counted, duration, percent } from './numbers.ts'

export interface Verdict {
  readonly kind: 'over' | 'failed' | 'within' | 'nothing'
  /** One sentence. */
  readonly headline: string
  /** What else has to be known, a sentence or two each. */
  readonly findings: readonly string[]
}

/** Runs named one by one; of more, how many. */
const MOST_NAMED = 4
/** From this part of a time-out on a look-up is slow. */
const SLOW = 0.6
/** A bin that begins at this part of a time-out and ends behind it is taken to lie behind it. */
const NEARLY = 0.75
/** Part of the slow ones that has to lie behind the time-out, for the gap before it to be spoken of. */
const MOST_OF_THEM = 0.8
/** Part of all that has to be quicker: else nothing is lost, but all is late. */
const ENOUGH = 0.1

/** Judges all runs together, in plain words. */
export function verdictOf(result: BenchResult): Verdict {
  const { runs, options } = result
  const requests = sum(runs, (run) => run.requests)
  const over = sum(runs, (run) => run.overLimit)
  const failed = sum(runs, (run) => run.errorCount)
  const limit = duration(options.limitMs)
  const findings = [
    ...interruption(result),
    ...patterns(runs),
    ...failures(runs, failed),
    ...lateTimers(runs),
  ]
  if (requests === 0) {
    return { kind: 'nothing', headline: 'Nothing was measured: no look-up ended.', findings }
  }
  const slowest = Math.max(...runs.map((run) => run.latency?.max ?? 0))
  if (over > 0) {
    const headline = `${count(over)} of ${counted(requests, 'look-up')} took ${limit} or more${byRun(runs)}`
    return { kind: 'over', headline, findings }
  }
  const none = `None of ${counted(requests, 'look-up')} took ${limit} or more`
  if (failed > 0) {
    const headline = `${none}, but ${count(failed)} failed (${percent(failed, requests)}).`
    return { kind: 'failed', headline, findings }
  }
  return { kind: 'within', headline: `${none}: the slowest took ${duration(slowest)}.`, findings }
}

function byRun(runs: readonly Run[]): string {
  if (runs.length === 1) return ` (${percent(runs[0]!.overLimit, runs[0]!.requests)}).`
  const slow = runs.filter((run) => run.overLimit > 0)
  const named = slow
    .toSorted((a, b) => b.overLimit - a.overLimit)
    .slice(0, MOST_NAMED)
    .map((run) => `${count(run.overLimit)} of ${count(run.requests)} with ${run.label}`)
  const more = slow.length - named.length
  const others = more === 0 ? [] : [`the rest in ${counted(more, 'other run')}`]
  const without = runs.length - slow.length
  const clean = without === 0 ? [] : [`none in ${counted(without, 'other run')}`]
  return `: ${[...named, ...others, ...clean].join(', ')}.`
}

function interruption({ interrupted, seconds, options }: BenchResult): string[] {
  if (!interrupted) return []
  return [
    `It was ended after ${duration(seconds * 1000)} of ${duration(options.seconds * 1000)} a run: these are the figures so far.`,
  ]
}

const KINDS: Readonly<Record<ErrorKind, string>> = {
  timeout: 'had no answer in all their attempts',
  refused: 'found nobody listening',
  network: 'could not be sent by this machine',
  malformed: 'got something that is no DNS message',
  rcode: 'got an answer that says no, such as SERVFAIL',
  again: 'failed for now, says the C library (no answer in time, or SERVFAIL)',
}

function failures(runs: readonly Run[], failed: number): string[] {
  if (failed === 0) return []
  const kinds = Object.entries(KINDS).flatMap(([kind, text]) => {
    const found = sum(runs, (run) => run.errors[kind as ErrorKind] ?? 0)
    return found === 0 ? [] : [`${count(found)} ${text}`]
  })
  return [`${counted(failed, 'look-up')} failed: ${kinds.join(', ')}.`]
}

/** Beyond so many milliseconds late, a timer of the tester adds to what it measures. */
const LATE_MS = 10

function lateTimers(runs: readonly Run[]): string[] {
  const worst = Math.max(0, ...runs.map((run) => run.lag.p99))
  if (worst < LATE_MS) return []
  return [
    `The tester was short of CPU: 1 in 100 of its timers fired ${duration(worst)} late or more, and latencies up to that are its own.`,
  ]
}

/** What is said of lost packets, for all runs that show them. */
function patterns(runs: readonly Run[]): string[] {
  const found = runs.flatMap((run) => {
    const pattern = lostPackets(run)
    if (pattern === null) return []
    const { timeoutMs, behind, slow } = pattern
    return [
      `${count(behind)} of ${counted(slow, 'look-up')} over ${duration(timeoutMs * SLOW)} with ${run.label} came after its time-out of ${duration(timeoutMs)}`,
    ]
  })
  if (found.length === 0) return []
  return [
    `${listed(found)}. That is how lost packets look: there is a gap before the time-out, after which they are sent again. A slow server has no gap.`,
  ]
}

/** The first of them; of more, how many. */
function listed(parts: readonly string[]): string {
  const more = parts.length - MOST_NAMED
  return more <= 0
    ? parts.join(', ')
    : `${parts.slice(0, MOST_NAMED).join(', ')}, and so in ${counted(more, 'other run')}`
}

/**
 * Whether a run's slow requests lie behind its client's time-out and few before it, as those do whose packet was lost and
 * sent again: `behind` of `slow`. Null where they do not, where nobody answers at all, and for a client without a time-out.
 */
export function lostPackets(run: Run): { timeoutMs: number; behind: number; slow: number } | null {
  const timeoutMs = TIMEOUTS[run.client]
  if (timeoutMs === undefined) return null
  let [behind, slow, lowerMs] = [0, 0, run.latency?.min ?? 0]
  for (const { upperMs, count: requests } of run.histogram) {
    if (lowerMs >= timeoutMs * SLOW || upperMs > timeoutMs) slow += requests
    if (lowerMs >= timeoutMs * NEARLY && upperMs > timeoutMs) behind += requests
    lowerMs = upperMs
  }
  const unanswered = (run.errors.timeout ?? 0) + (run.errors.again ?? 0)
  const isGap = behind > 0 && behind >= slow * MOST_OF_THEM
  const isAnswered = unanswered < behind * MOST_OF_THEM
  const isQuick = run.requests - slow >= run.requests * ENOUGH
  return isGap && isAnswered && isQuick ? { timeoutMs, behind, slow } : null
}

/** Milliseconds after which a client asks again; of `system` those of glibc, which it mostly is. */
const TIMEOUTS: Readonly<Record<string, number>> = {
  glibc: 5000,
  system: 5000,
  reopen: 5000,
  serial: 5000,
  tcp: 5000,
  go: 5000,
  musl: 2500,
}

function sum(runs: readonly Run[], of: (run: Run) => number): number {
  return runs.reduce((total, run) => total + of(run), 0)
}
