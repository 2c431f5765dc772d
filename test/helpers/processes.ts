import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

import { findTool } from './debian.ts'

/**
 * Who ends what a test starts: a TestContext, or `{ after }` from node:test inside a suite. What
 * was started ends when its owner does, passed or failed.
 */
export interface Owner {
  after(fn: () => Promise<void> | void): void
}

export interface Running {
  readonly pid: number
  /** What it has written to stdout and stderr so far, the last 64 KiB of it. */
  output(): string
  /** Null while it runs; then its exit code, or the name of the signal that ended it. */
  ended(): number | string | null
  /** SIGTERM, after two seconds SIGKILL; resolves once it is gone. */
  readonly stop: () => Promise<void>
}

const OUTPUT_LIMIT = 65_536
const GRACE_MS = 2_000

/** Children still running, so that a crash of this process ends them too. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a program that ends with its owner at the latest. */
export function startProcess(
  owner: Owner,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Running {
  const child = spawn(...tied(command, args), { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let failure: string | null = null
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_LIMIT)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  child.on('error', (error) => (failure = error.message))
  child.on('exit', () => running.delete(child))
  running.add(child)
  const process: Running = {
    pid: child.pid ?? 0,
    output: () => output,
    ended: () => failure ?? child.exitCode ?? child.signalCode,
    stop: () => stop(child),
  }
  owner.after(process.stop)
  return process
}

/** `command`, killed by the kernel should this process die without a chance to end it. */
function tied(command: string, args: readonly string[]): [string, string[]] {
  const program = findTool(command) ?? command
  const setpriv = findTool('setpriv')
  return setpriv === null
    ? [program, [...args]]
    : [setpriv, ['--pdeathsig', 'TERM', program, ...args]]
}

async function stop(child: ChildProcess): Promise<void> {
  if (!running.has(child) || child.pid === undefined) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
  await gone
  clearTimeout(timer)
}

/**
 * Asks `probe` every 20 ms until it holds, at most `seconds` long. Fails at once when `process`
 * has ended, with what it had to say.
 */
export async function waitUntil(
  what: string,
  probe: () => Promise<boolean> | boolean,
  process?: Running,
  seconds = 30,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  while (!(await probe())) {
    const ended = process?.ended() ?? null
    if (ended !== null) throw new Error(`${what}: ended with ${ended}\n${process?.output()}`)
    if (performance.now() > deadline)
      throw new Error(`${what}: not after ${seconds} s\n${process?.output() ?? ''}`)
    await delay(20)
  }
}
