const levels = ['debug', 'info', 'warning', 'error'] as const
/** The least important lines that are printed. */
export type LogLevel = (typeof levels)[number]

/** How many configurations want lines of level debug. */
let wanted = 0
let level: LogLevel = 'info'

/** Has lines of level debug printed, by all logs of the process, until the result is called. */
export function printDebugLines(): () => void {
  wanted++
  let held = true
  return () => {
    if (held) wanted--
    held = false
  }
}

/** Whether the Corefile asks for lines of level debug. */
export function wantsDebugLines(): boolean {
  return wanted > 0
}

/** Lines of level debug, where somebody wants them and nobody wants less than usual. */
export function areDebugLinesPrinted(): boolean {
  return level === 'debug' || (level === 'info' && wanted > 0)
}

/** Whether lines of this level are printed. Those above `error` always are. */
export function arePrinted(which: 'info' | 'warning' | 'error'): boolean {
  return levels.indexOf(which) >= levels.indexOf(level)
}

export function logLevel(): LogLevel {
  return level
}

/** Changes what all logs of the process print, until it ends. */
export function setLogLevel(to: LogLevel): void {
  level = to
}

/** Null where it is none. */
export function readLogLevel(text: unknown): LogLevel | null {
  return levels.find((one) => one === text) ?? null
}
