/** Kinds of problems that are remembered, and characters of one. */
const MOST = 100
const LONGEST = 500

/** Lines of the log that say something is wrong, all of one kind. */
export interface Problem {
  /** When the last one came, milliseconds since 1970. */
  readonly at: number
  /** When the first one came. */
  readonly first: number
  readonly count: number
  readonly level: 'warning' | 'error' | 'fatal'
  /** The last one. Printable, 500 characters at most. */
  readonly text: string
}

/** By kind, that of the newest line last. */
const problems = new Map<string, Problem>()

/**
 * Remembers a line that the log was given, printed or not. One of a kind that is known replaces the last of it, so that
 * a storm of failing queries leaves what else is wrong in place.
 *
 * @param text printable
 */
export function noteProblem(level: Problem['level'], text: string): void {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
  const kind = level + kindOf(shown)
  const at = Date.now()
  const { count, first } = problems.get(kind) ?? { count: 0, first: at }
  problems.delete(kind)
  problems.set(kind, { at, first, count: count + 1, level, text: shown })
  if (problems.size > MOST) problems.delete(problems.keys().next().value!)
}

/** The last 100 kinds, the newest first. */
export function lastProblems(): readonly Problem[] {
  return [...problems.values()].toReversed()
}

const OF_QUERIES = 'plugin/errors: '

/** What lines have in common: of a query's error neither the question nor our own port. */
function kindOf(text: string): string {
  if (!text.startsWith(OF_QUERIES)) return text
  const error = text.indexOf(': ', OF_QUERIES.length)
  if (error < 0) return text.replace(/\d+/, '')
  return OF_QUERIES + text.slice(error).replace(/\S+->/, '')
}
