import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { once } from 'node:events'

/** How to start a process. */
export interface Command {
  readonly name: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The core it is bound to, with all its threads. */
  readonly cpu: number
  /** Takes standard output, which may be large. */
  readonly stdout: string
  /** Takes standard error. */
  readonly stderr: string
}

/** A process started by `Children`. */
export interface Child {
  readonly pid: number
  readonly command: Command
  readonly process: ChildProcess
}

/** Every process this program starts: none of them outlives it. */
export class Children {
  readonly #running = new Set<Child>()
  readonly #graceMs: number

  /** `graceMs`: how long a process may take to end after SIGTERM. */
  constructor(graceMs = 3000) {
    this.#graceMs = graceMs
  }

  /** Starts a process on its core. Its pid is that of the command itself, which taskset executes. */
  start(command: Command): Child {
    const stdout = openSync(command.stdout, 'w')
    const stderr = openSync(command.stderr, 'w')
    // The parent-death signal ends it even when this program is killed with SIGKILL. A process
    // group of its own lets its workers be killed with it, and keeps the terminal's SIGINT away.
    const pinned = ['taskset', '-c', String(command.cpu)]
    const [program, ...wrapper] = ['setpriv', '--pdeathsig', 'TERM', ...pinned] as const
    const process_ = spawn(program, [...wrapper, ...command.argv], {
      env: { ...inheritedEnvironment(), ...command.env },
      stdio: ['ignore', stdout, stderr],
      detached: true,
    })
    // A missing program shows as a missing pid; the event would tell the same later.
    process_.on('error', () => {})
    closeSync(stdout)
    closeSync(stderr)
    if (process_.pid === undefined) {
      throw new Error('Cannot start setpriv: is util-linux installed?')
    }
    const child = { pid: process_.pid, command, process: process_ }
    this.#running.add(child)
    process_.once('exit', () => this.#running.delete(child))
    return child
  }

  /** Runs a process to its end. Throws Error when it fails. */
  async run(command: Command): Promise<void> {
    const child = this.start(command)
    await once(child.process, 'exit')
    if (child.process.exitCode !== 0) throw failure(child)
  }

  /** Ends a process: SIGTERM, after a grace SIGKILL; workers that outlive it are killed. */
  async stop(child: Child): Promise<void> {
    if (hasEnded(child)) return
    const ended = once(child.process, 'exit')
    const timer = setTimeout(() => kill(child), this.#graceMs)
    child.process.kill('SIGTERM')
    await ended
    clearTimeout(timer)
    kill(child)
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.stop(child)))
  }

  /** For the very end of this program: synchronous and without a grace. */
  killAll(): void {
    for (const child of this.#running) kill(child)
  }
}

/** Moves this process to a core, and what it starts after that. Throws Error for a core it has not. */
export function moveTo(cpu: number): void {
  const [program, ...argv] = [
    'taskset',
    '-a',
    '-p',
    '-c',
    String(cpu),
    String(process.pid),
  ] as const
  execFileSync(program, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** True once a process has exited or was killed. */
export function hasEnded(child: Child): boolean {
  return child.process.exitCode !== null || child.process.signalCode !== null
}

/** An error that tells how a process ended and the last lines it wrote. */
export function failure(child: Child): Error {
  const { name, stdout, stderr } = child.command
  const output = [stdout, stderr].map((path) => readFileSync(path, 'utf8').slice(-2000)).join('\n')
  const status = child.process.signalCode ?? child.process.exitCode ?? 'no answer'
  return new Error(`Cannot run ${name}: ${status}\n${output.trim()}`)
}

function kill(child: Child): void {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    // It ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * The benchmark's own environment, with Debian's servers on the path: an unprivileged user's has no
 * /usr/sbin. The switch of dnslet's UDP backend must come from the benchmark alone.
 */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  const { DNSLET_UDP: _, PATH = '', ...rest } = process.env
  return { ...rest, PATH: `${PATH}:/usr/sbin` }
}
