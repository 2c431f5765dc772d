import { constants } from 'node:os'
import { errorText } from './commands/error-text.ts'
import { replaceHandler } from './lib/replace-handler.ts'
import { compileSparingly } from './lib/v8-flags.ts'
import type { Serving } from './node/serve.ts'
import type { Command, LookingCommand } from './options/options.ts'
import type { DaemonLog } from './telemetry/log.ts'

/** Older ones lack reusePort, process.constrainedMemory() and the flags of bin/dnslet. */
const MIN_NODE = 24
/** How long the log may take to leave before the process does. */
const FLUSH_MS = 1000
/** Those that node-cache ignores as well, and that would end Node.js. Once there is a watchdog, SIGALRM is its own, and to end by. */
const IGNORED_SIGNALS = [
  'SIGALRM',
  'SIGHUP',
  'SIGIO',
  'SIGPROF',
  'SIGPWR',
  'SIGVTALRM',
  'SIGXCPU',
] as const

/** Whether a reload was asked for before anybody could do it. */
let isReloadDue = false
// From the first moment on: Node.js takes the signal for itself while nobody listens.
process.on('SIGUSR1', reloadLater)

const major = Number(process.versions.node.split('.')[0])
if (major < MIN_NODE) {
  fail(`dnslet needs Node.js ${MIN_NODE} or newer, this is ${process.version}: set DNSLET_NODE`)
}
try {
  const { parseArgs } = await import('./options/options.ts')
  await run(parseArgs(process.argv.slice(2)))
} catch (error) {
  fail(errorText(error))
}

async function run(command: Command): Promise<void> {
  switch (command.kind) {
    case 'usage-error':
      return fail(command.message, command.exitCode)
    case 'help':
      return print([command.text])
    case 'version':
      return print((await import('./lib/version.ts')).versionLines())
    case 'plugins': {
      const { plugins } = await import('./plugins/index.ts')
      return print(plugins.map(({ name }) => name).toSorted())
    }
    case 'check': {
      const { check } = await import('./commands/check.ts')
      const { corefile, port, interfaceName: name, localIps: addresses } = command
      return print([await check(corefile, port, { name, addresses })])
    }
    case 'demo': {
      const { demo } = await import('./commands/demo/index.ts')
      ignoreSignals()
      return obey(await demo(command.port))
    }
    case 'serve': {
      process.on('SIGTERM', leaveStart)
      ignoreSignals()
      const { serve } = await import('./node/serve.ts')
      const handedOver = (log: DaemonLog): void => leave(log, 0)
      return obey(await serve(command.options, { fatal: die, handedOver }))
    }
    case 'untaint': {
      const { untaint } = await import('./commands/untaint/index.ts')
      return untaint(command.options, { env: process.env, say })
    }
    case 'cleanup': {
      const { cleanup } = await import('./commands/cleanup.ts')
      return cleanup(command.options, { env: process.env, say })
    }
    default:
      process.exitCode = await look(command)
  }
}

/** Commands that look at what runs; their exit status tells what they found. */
async function look(command: LookingCommand): Promise<number> {
  const { env, stderr: err, stdout: out } = process
  compileSparingly()
  switch (command.kind) {
    case 'bench': {
      const { runBench } = await import('./commands/bench/index.ts')
      return process.exit(await runBench(command.options, { env, err, out, stop: interrupted() }))
    }
    case 'doctor': {
      const { doctor } = await import('./commands/doctor/index.ts')
      const terminal = out.isTTY ? { columns: out.columns } : null
      return doctor(command.options, { env, say, terminal })
    }
    case 'explain': {
      const { explain, readResolvConf } = await import('./commands/explain/index.ts')
      return explain(command.options, { env, say, resolvConf: readResolvConf })
    }
    case 'top': {
      const { top } = await import('./commands/top/index.ts')
      return process.exit(await top(command.options, { env }))
    }
  }
}

function say(line: string): void {
  print([line])
}

/**
 * A start may take seconds (a predecessor, a question to ourselves), and process 1 of a container ends
 * at no signal that it has no handler for. Nothing has to be undone: what is there fails open.
 */
function leaveStart(): void {
  process.exit(128 + constants.signals.SIGTERM)
}

function reloadLater(): void {
  isReloadDue = true
}

function ignoreSignals(): void {
  for (const signal of IGNORED_SIGNALS) process.on(signal, () => {})
}

/** Aborted by the first signal to end; a second one ends the process. */
function interrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort())
  }
  return controller.signal
}

/** What signals do to a command that goes on until it is told to end. */
function obey(serving: Serving): void {
  const { log } = serving
  let stopping = false
  const end = (text: string, how: () => Promise<void>): void => {
    if (stopping) return
    stopping = true
    log.info(text)
    how().then(
      () => leave(log, 0),
      (error: unknown) => {
        log.error(`Cannot stop cleanly: ${errorText(error)}`)
        leave(log, 3)
      },
    )
  }
  replaceHandler('SIGTERM', leaveStart, () =>
    end('SIGTERM: Shutting down servers then terminating', () => serving.shutdown()),
  )
  process.on('SIGQUIT', () => end('SIGQUIT: Quitting process immediately', () => serving.stop()))
  process.on('SIGINT', () => {
    if (stopping) {
      log.info('SIGINT: Force quit')
      return leave(log, 2)
    }
    end('SIGINT: Shutting down', () => serving.stop())
  })
  replaceHandler('SIGUSR1', reloadLater, () => void serving.reload())
  if (isReloadDue) void serving.reload()
  process.on('SIGUSR2', () => log.warning('SIGUSR2: upgrading in place is not in this release'))
  process.on('uncaughtException', (cause) => serving.uncaught(cause))
}

function die(message: string, log: DaemonLog): void {
  log.fatal(message)
  leave(log, 1)
}

function leave(log: DaemonLog, code: number): void {
  void log.flush(FLUSH_MS).then(() => process.exit(code))
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

function fail(message: string, code = 1): never {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}
