import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

import { DnsletError } from '../lib/errors.ts'

/** A program is killed after this: it may wait 5 s for the lock of the tables by itself. */
const TIMEOUT_MS = 10_000
/** Characters of standard error that are told. */
const STDERR_LIMIT = 2_000

/**
 * A program that is not here, or not for us (`E_NO_PROGRAM`), that failed (`E_PROGRAM`), or that never came to say
 * anything (`E_PROGRAM_UNHEARD`): it could not be started for a shortage, or hung.
 */
export class ProgramError extends DnsletError {}

/** Errors of a start that say nothing about the program: no descriptors, no memory, too many processes. */
const SHORTAGE: readonly string[] = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']

interface ProgramRun {
  /** Standard input; nothing where absent. */
  readonly input?: string
  /** Which lines of its output to return; all where absent. Others are never kept. */
  readonly keep?: (line: string) => boolean
}

/** Runs the programs that load and list packet rules. A test has its own. */
export interface Programs {
  /**
   * Runs a program without a shell and returns lines of its output. Throws ProgramError with the
   * program's own words.
   */
  run(program: string, args: readonly string[], options?: ProgramRun): Promise<string[]>
}

/** The programs of this machine. `env` is added to ours. */
export function hostPrograms(
  env: Readonly<Record<string, string>> = {},
  timeoutMs: number = TIMEOUT_MS,
): Programs {
  return { run: (program, args, options = {}) => run(program, args, options, env, timeoutMs) }
}

function run(
  program: string,
  args: readonly string[],
  { input = '', keep = () => true }: ProgramRun,
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<string[]> {
  const what = [program, ...args].join(' ')
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env } })
    // Not spawn's own timer, which outlives a program that is not there.
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      // What a script has started has them still.
      child.stdout.destroy()
      child.stderr.destroy()
    }, timeoutMs)
    const kept: string[] = []
    let stderr = ''
    child.on('error', (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const code = SHORTAGE.includes(cause.code ?? '') ? 'E_PROGRAM_UNHEARD' : 'E_NO_PROGRAM'
      reject(new ProgramError(code, `Cannot run ${program}: ${cause.message}`, { cause }))
    })
    // Without descriptors there are no streams either, whatever the types say: the error follows.
    if ((child.stdout as unknown) === undefined) return
    // Line by line: the nat table of a large cluster is 10 MB of text, of which we want ten lines.
    createInterface(child.stdout).on('line', (line) => keep(line) && kept.push(line))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < STDERR_LIMIT) stderr += text
    })
    // 'close', not 'exit': only then all output has been read.
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) return resolve(kept)
      const said = stderr.trim().slice(0, STDERR_LIMIT)
      const isKilled = code === null
      const end = isKilled ? `killed by ${signal} after ${timeoutMs} ms` : `status ${code}`
      const kind = isKilled ? 'E_PROGRAM_UNHEARD' : 'E_PROGRAM'
      reject(new ProgramError(kind, `Cannot run ${what}: ${said === '' ? end : said}`))
    })
    // It may end without having read everything; its status says why.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}
