/** How bad it is. `unknown`: it could not be looked at, and what it would take is said. */
export type Severity = 'ok' | 'warning' | 'broken' | 'unknown'

/** What an examination has to say about one thing. Texts are printable. */
export interface Said {
  /** Stable; a heading of docs/doctor.md. */
  readonly id: string
  readonly severity: Severity
  /** What is so, in one line. */
  readonly title: string
  /** What was seen: figures, addresses, a line each. */
  readonly seen: readonly string[]
  /** What that means for clients; '' where the title says all. */
  readonly meaning: string
  /** Commands and settings that help, a line each. */
  readonly remedy: readonly string[]
}

/** A finding, as reports show it. */
export interface Finding extends Said {
  readonly area: Area
  /** The page that explains it, from the project's root. */
  readonly page: string
}

/** What an examination is about; in the order of the report. */
export const areas = [
  'Interception',
  'Clients',
  'Resolver',
  'Upstream',
  'Kernel',
  'Node',
  'Leftovers',
  'Versions',
] as const
export type Area = (typeof areas)[number]

interface More {
  readonly seen?: readonly string[]
  readonly meaning?: string
  readonly remedy?: readonly string[]
}

/** All is well with something. */
export function ok(id: string, title: string, ...seen: readonly string[]): Said {
  return say('ok', id, title, { seen })
}

/** It works, and will not always. */
export function warning(id: string, title: string, more: More): Said {
  return say('warning', id, title, more)
}

/** Clients suffer now, or would if dnslet ended. */
export function broken(id: string, title: string, more: More): Said {
  return say('broken', id, title, more)
}

/** Could not be looked at: why, and what is needed. */
export function unknown(id: string, title: string, more: More): Said {
  return say('unknown', id, title, more)
}

function say(severity: Severity, id: string, title: string, more: More): Said {
  const { seen = [], meaning = '', remedy = [] } = more
  return { id, severity, title, seen, meaning, remedy }
}
