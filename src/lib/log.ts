/** What the rest of the daemon knows of logging; telemetry/log.ts implements it with pino. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warning(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  fatal(message: string, fields?: LogFields): void
  /** A logger whose lines carry `plugin/<name>: ` in text and a `plugin` field in JSON. */
  plugin(name: string): Log
}

export type LogFields = Readonly<Record<string, string | number | boolean>>

/** A log for who only wants to know what is wrong, in text. */
export function complaintsTo(say: (message: string) => void): Log {
  const silent = (): void => {}
  const log: Log = {
    debug: silent,
    info: silent,
    warning: say,
    error: say,
    fatal: say,
    plugin: (name) => ({ ...log, warning: (message) => say(`plugin/${name}: ${message}`) }),
  }
  return log
}
