/** Problems that are remembered, and characters of one. */
const MOST = 100
const LONGEST = 500

/** A line of the log that says something is wrong. */
export interface Problem {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly level: 'warning' | 'error' | 'fatal'
  /** Printable, 500 characters at most. */
  readonly text: string
}

/** A ring: `next` is the place of the oldest once it is full. */
const ring: Problem[] = []
let next = 0

/** Remembers a line that the log was given, printed or not. @param text printable */
export function noteProblem(level: Problem['level'], text: string): void {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
  ring[next] = { at: Date.now(), level, text: shown }
  next = (next + 1) % MOST
}

/** The last 100, the newest first. */
export function lastProblems(): readonly Problem[] {
  return [...ring.slice(next), ...ring.slice(0, next)].toReversed()
}
