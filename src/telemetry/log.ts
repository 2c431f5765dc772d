import { fstatSync } from 'node:fs'
import type { Writable } from 'node:stream'
import type { Logger } from 'pino'
import type { Log, LogFields } from '../lib/log.ts'
import { counter, type MetricSpec } from '../lib/metrics.ts'
import { plural } from '../lib/plural.ts'
import { printableEntry, printableJson } from '../lib/printable.ts'
import { FileOutput } from './file-output.ts'
import { LineQueue, type DroppedLines, type LineOutput } from './line-queue.ts'
import { areDebugLinesPrinted, arePrinted } from './log-level.ts'
import { noteProblem, type Problem } from './problems.ts'

/** Characters that wait for a slow standard output at most. */
const QUEUE_LIMIT = 1 << 20

const dropped: DroppedLines = { lines: 0 }

export const droppedLinesMetric: MetricSpec = counter(
  'dnslet_log_dropped_lines_total',
  'Log lines dropped because standard output was blocked or closed, or its disk full.',
  () => dropped.lines,
)

export interface LogOptions {
  /** `json`: one object a line; `text`: the lines CoreDNS prints. */
  readonly format: 'json' | 'text'
  /** Standard output where absent. */
  readonly stream?: Writable
  /** Characters queued at most; 1 MiB where absent. */
  readonly limit?: number
}

/** The daemon's own log, from which plugins get theirs. */
export interface DaemonLog extends Log {
  /** Waits until all lines have left, but `timeoutMs` at most; false where some are lost. */
  flush(timeoutMs: number): Promise<boolean>
}

/** Opens the log. pino is loaded only where it is used: text lines need no JSON. */
export async function createLog(options: LogOptions): Promise<DaemonLog> {
  const stream = options.stream ?? standardOutput()
  const queue = new LineQueue(stream, options.limit ?? QUEUE_LIMIT, dropped)
  // First of all: `sys/libc.ts` may take standard output away.
  if (options.stream === undefined) process.prependListener('exit', () => queue.push())
  const log = options.format === 'text' ? new TextLog(queue, '') : await openJson(queue)
  queue.onRecovered = (lines) => {
    log.warning(
      `${plural(lines, 'log line')} dropped: standard output was blocked, or its disk full`,
      { lines },
    )
  }
  return Object.assign(log, {
    flush: (timeoutMs: number) => queue.flush(timeoutMs),
  })
}

function standardOutput(): LineOutput {
  return fstatSync(process.stdout.fd).isFile() ? new FileOutput(process.stdout.fd) : process.stdout
}

/**
 * True where a line written to this log now would be lost because standard output is blocked. The
 * line is counted as dropped: who asks before formatting it does not write it then.
 */
export function isBlocked(log: Log): boolean {
  return (log instanceof TextLog || log instanceof JsonLog) && log.queue.refuses()
}

/** `[INFO] plugin/errors: …`, without time stamps: containerd and kubelet add their own. */
class TextLog implements Log {
  readonly queue: LineQueue
  readonly #prefix: string

  constructor(queue: LineQueue, prefix: string) {
    this.queue = queue
    this.#prefix = prefix
  }

  debug(message: string): void {
    if (areDebugLinesPrinted())
      this.queue.write(`[DEBUG] ${this.#prefix}${printableEntry(message)}\n`)
  }

  info(message: string): void {
    if (arePrinted('info')) this.#write('INFO', printableEntry(message))
  }

  warning(message: string): void {
    this.#tell('warning', message)
  }

  error(message: string): void {
    this.#tell('error', message)
  }

  fatal(message: string): void {
    this.#tell('fatal', message)
  }

  #tell(level: Problem['level'], message: string): void {
    const entry = printableEntry(message)
    noteProblem(level, this.#prefix + entry)
    if (level === 'fatal' || arePrinted(level)) this.#write(level.toUpperCase(), entry)
  }

  #write(level: string, entry: string): void {
    this.queue.write(`[${level}] ${this.#prefix}${entry}\n`)
  }

  plugin(name: string): Log {
    return new TextLog(this.queue, `plugin/${name}: `)
  }
}

class JsonLog implements Log {
  readonly queue: LineQueue
  readonly #pino: Logger
  /** One for each plugin, however many blocks it stands in: pino's children are large. */
  readonly #plugins = new Map<string, JsonLog>()
  /** As text lines have it. */
  readonly #prefix: string

  constructor(queue: LineQueue, pino: Logger, prefix: string) {
    this.queue = queue
    this.#pino = pino
    this.#prefix = prefix
  }

  debug(message: string, fields: LogFields = {}): void {
    if (areDebugLinesPrinted()) this.#pino.debug(fields, message)
  }

  info(message: string, fields: LogFields = {}): void {
    if (arePrinted('info')) this.#pino.info(fields, message)
  }

  warning(message: string, fields: LogFields = {}): void {
    this.#note('warning', message)
    if (arePrinted('warning')) this.#pino.warn(fields, message)
  }

  error(message: string, fields: LogFields = {}): void {
    this.#note('error', message)
    if (arePrinted('error')) this.#pino.error(fields, message)
  }

  fatal(message: string, fields: LogFields = {}): void {
    this.#note('fatal', message)
    this.#pino.fatal(fields, message)
  }

  #note(level: Problem['level'], message: string): void {
    noteProblem(level, this.#prefix + printableEntry(message))
  }

  plugin(name: string): Log {
    let log = this.#plugins.get(name)
    if (log === undefined) {
      log = new JsonLog(this.queue, this.#pino.child({ plugin: name }), `plugin/${name}: `)
      this.#plugins.set(name, log)
    }
    return log
  }
}

/**
 * pino writes into our queue instead of its own destination: a blocked pipe holds sonic-boom's
 * write in a thread of libuv's pool, and `process.exit` waits for that thread for ever.
 */
async function openJson(queue: LineQueue): Promise<JsonLog> {
  const { default: pino } = await import('pino')
  const root = pino(
    {
      base: null,
      // Children keep the level they were made with, so debug is decided in JsonLog instead.
      level: 'debug',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label === 'warn' ? 'warning' : label }) },
    },
    { write: (line: string) => queue.write(printableJson(line)) },
  )
  return new JsonLog(queue, root, '')
}
