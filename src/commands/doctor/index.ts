import type { Programs } from '../../host/programs.ts'
import type { DoctorOptions } from '../../options/doctor-options.ts'
import { boundedPrograms } from './bounded-programs.ts'
import { examinations } from './examinations.ts'
import { gather } from './gather.ts'
import { jsonReport } from './json-report.ts'
import { examine, exitStatus } from './run.ts'
import { textReport } from './text-report.ts'

/** The world as `dnslet doctor` sees it. */
export interface DoctorParts {
  readonly env: NodeJS.ProcessEnv
  readonly say: (text: string) => void
  /** Null where the report goes to no terminal. */
  readonly terminal: { readonly columns: number } | null
  /** Programs that list rules, if not this machine's. */
  readonly programs?: Programs
  /** See `GatherParts.watchMs`. */
  readonly watchMs?: number
}

/** Milliseconds for all programs that list rules together. */
const PROGRAMS_MS = 4_000
const MAX_WIDTH = 110
const MIN_WIDTH = 60

/**
 * `dnslet doctor`: looks at this node, or this pod, and says what is wrong with its DNS, what that means and
 * what helps. Changes nothing; asks only servers that this machine, its dnslet or the command line names.
 * Ten seconds at most.
 *
 * @returns the exit status: 0 all is well, 1 there are warnings, 2 something is broken
 */
export async function doctor(options: DoctorOptions, parts: DoctorParts): Promise<0 | 1 | 2> {
  const { say, terminal, programs = boundedPrograms(PROGRAMS_MS) } = parts
  const facts = await gather(options, { ...parts, programs })
  const findings = examine(examinations, facts)
  if (options.json) say(jsonReport(findings, facts, new Date()))
  else {
    const width = Math.max(MIN_WIDTH, Math.min(terminal?.columns ?? MAX_WIDTH, MAX_WIDTH))
    const colours = terminal !== null && (parts.env['NO_COLOR'] ?? '') === ''
    say(textReport(findings, facts, { width, colours }))
  }
  return exitStatus(findings)
}
