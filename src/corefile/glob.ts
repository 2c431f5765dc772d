/** What glob() needs to see of a file system. */
export interface Directories {
  /** Names in a directory; empty when it cannot be read. */
  list(directory: string): readonly string[]
  exists(path: string): boolean
}

const META = /[*?[\\]/

/** True where a pattern has a wildcard, so that it may rightly match nothing. An escape is none. */
export function hasWildcard(pattern: string): boolean {
  return /[*?[]/.test(pattern)
}

/** True where a pattern has a wildcard or an escape, so that it is matched rather than opened. */
function hasMeta(pattern: string): boolean {
  return META.test(pattern)
}

/** True for a pattern that can be matched: no open `[`, no backslash at the end. */
export function isGlob(pattern: string): boolean {
  return !pattern.includes('[') && !/(?<!\\)(?:\\\\)*\\$/.test(pattern)
}

/** One path segment as a regular expression: `*` and `?` match dot files too, as in Go. */
function segmentMatcher(segment: string): RegExp {
  const source = segment.replace(/\\.|[^]/gsu, (part) => {
    if (part === '*') return '[^/]*'
    if (part === '?') return '[^/]'
    const literal = part.startsWith('\\') ? part.slice(1) : part
    return `\\u{${literal.codePointAt(0)?.toString(16)}}`
  })
  return new RegExp(`^${source}$`, 'su')
}

/**
 * The paths that match an absolute pattern, sorted within each directory, as Go's filepath.Glob:
 * `*`, `?` and backslash escapes, in directories too. Unreadable directories match nothing.
 */
export function glob(pattern: string, files: Directories): readonly string[] {
  if (!hasMeta(pattern)) return files.exists(pattern) ? [pattern] : []
  let found = ['']
  for (const segment of pattern.split('/').slice(1)) {
    const next: string[] = []
    for (const parent of found) {
      if (!hasMeta(segment)) {
        next.push(`${parent}/${segment}`)
        continue
      }
      const matcher = segmentMatcher(segment)
      const names = files.list(parent === '' ? '/' : parent).filter((name) => matcher.test(name))
      for (const name of names.sort()) next.push(`${parent}/${name}`)
    }
    found = next
  }
  return found.filter((path) => files.exists(path))
}
