import { writeFileSync } from 'node:fs'
import { reasonOf } from '../../lib/errors.ts'
import { printable } from '../../lib/printable.ts'
import { bench, openNetwork, type Progress } from '../../load/bench.ts'
import type { BenchPlan } from '../../load/plan.ts'
import type { BenchResult } from '../../load/result.ts'
import type { BenchOptions } from '../../options/bench-options.ts'
import { readLimits } from './capacity.ts'
import type { Style } from './histogram.ts'
import { checkWritable, makePlan } from './make-plan.ts'
import { progressLine } from './progress.ts'
import { textReport } from './text-report.ts'

/** A stream that may be a terminal. */
interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface BenchIo {
  readonly out: Output
  readonly err: Output
  readonly env: NodeJS.ProcessEnv
  /** Ends it early, with the report so far. */
  readonly stop: AbortSignal
}

/** Columns where the width is not known. */
const WIDTH = 100

/**
 * Looks hosts up and reports. Returns the exit status: 0 where all requests were answered within the limit, 1
 * where one was not, 2 where the bench cannot be done as it was asked for.
 */
export async function runBench(options: BenchOptions, io: BenchIo): Promise<number> {
  let plan: BenchPlan
  try {
    plan = makePlan(options, readLimits(io.env))
    for (const file of [options.json, options.html])
      if (file !== '' && file !== '-') checkWritable(file)
  } catch (error) {
    io.err.write(`dnslet bench: ${printable(reasonOf(error))}\n`)
    return 2
  }
  const result = await bench(plan, openNetwork(io.env), io.stop, showProgress(plan, io))
  clearProgress(io)
  if (options.json === '-') io.out.write(`${JSON.stringify(result)}\n`)
  else io.out.write(textReport(result, styleOf(io)))
  await writeFiles(options, result)
  return result.runs.every(isGood) ? 0 : 1
}

/** Nothing answered is nothing good. */
function isGood({ errorCount, overLimit, requests }: BenchResult['runs'][number]): boolean {
  return requests > 0 && errorCount === 0 && overLimit === 0
}

async function writeFiles({ html, json }: BenchOptions, result: BenchResult): Promise<void> {
  if (json !== '' && json !== '-') writeFileSync(json, `${JSON.stringify(result)}\n`)
  if (html === '') return
  const { renderReport } = await import('./report/index.ts')
  writeFileSync(html, renderReport(result))
}

function styleOf({ env, out }: BenchIo): Style {
  const rich = out.isTTY === true
  return { width: out.columns ?? WIDTH, rich, colour: rich && (env['NO_COLOR'] ?? '') === '' }
}

function showProgress(plan: BenchPlan, { err }: BenchIo): (now: Progress) => void {
  if (err.isTTY !== true) return () => {}
  return (now) => {
    err.write(`\r\x1b[K${printable(progressLine(now, plan.limitMs, err.columns ?? WIDTH))}`)
  }
}

function clearProgress({ err }: BenchIo): void {
  if (err.isTTY === true) err.write('\r\x1b[K')
}
