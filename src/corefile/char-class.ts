/** Sorted, disjoint, inclusive ranges of UTF-16 code units. */
export type Ranges = readonly (readonly [number, number])[]

const LAST = 0xffff

function ranges(...texts: readonly string[]): Ranges {
  return texts.map((text) => [text.charCodeAt(0), text.charCodeAt(text.length - 1)] as const)
}

const DIGIT = ranges('09')
const SPACE = ranges('\t\n', '\f\r', ' ')
const WORD = ranges('09', 'AZ', '_', 'az')

/** RE2's Perl classes are ASCII only; `\s` has no vertical tab. */
export const perlClasses: ReadonlyMap<string, Ranges> = new Map([
  ['d', DIGIT],
  ['s', SPACE],
  ['w', WORD],
])

/** POSIX classes by name, in ASCII as everywhere in RE2. */
export const posixClasses: ReadonlyMap<string, Ranges> = new Map([
  ['alnum', ranges('09', 'AZ', 'az')],
  ['alpha', ranges('AZ', 'az')],
  ['ascii', ranges('\0\x7f')],
  ['blank', ranges('\t', ' ')],
  ['cntrl', ranges('\0\x1f', '\x7f')],
  ['digit', DIGIT],
  ['graph', ranges('!~')],
  ['lower', ranges('az')],
  ['print', ranges(' ~')],
  ['punct', ranges('!/', ':@', '[`', '{~')],
  ['space', ranges('\t\r', ' ')],
  ['upper', ranges('AZ')],
  ['word', WORD],
  ['xdigit', ranges('09', 'AF', 'af')],
])

/** Sorts and joins ranges. */
export function union(list: Ranges): Ranges {
  const joined: [number, number][] = []
  for (const [from, to] of list.toSorted((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  return joined
}

/** Everything the ranges leave out. */
export function negate(list: Ranges): Ranges {
  const rest: [number, number][] = []
  let from = 0
  for (const [start, end] of union(list)) {
    if (start > from) rest.push([from, start - 1])
    from = end + 1
  }
  if (from <= LAST) rest.push([from, LAST])
  return rest
}

function shift(list: Ranges, first: number, last: number, by: number): Ranges {
  return list
    .filter(([from, to]) => to >= first && from <= last)
    .map(([from, to]) => [Math.max(from, first) + by, Math.min(to, last) + by] as const)
}

/** Adds the other case of every ASCII letter: DNS knows no other case (RFC 4343). */
export function fold(list: Ranges): Ranges {
  return union([...list, ...shift(list, 0x41, 0x5a, 32), ...shift(list, 0x61, 0x7a, -32)])
}

const properties = new Map<string, Ranges | null>()

/** A Unicode general category (`L`, `Lu`) or script (`Greek`), or null for an unknown name. */
export function unicodeClass(name: string): Ranges | null {
  let found = properties.get(name)
  if (found === undefined) {
    found = scanProperty(name)
    properties.set(name, found)
  }
  return found
}

function propertyMatcher(property: string, value: string): RegExp | null {
  if (!/^[A-Z][A-Za-z_]*$/.test(value)) return null
  try {
    return new RegExp(`\\p{${property}=${value}}`, 'u')
  } catch {
    return null
  }
}

function scanProperty(name: string): Ranges | null {
  if (name === 'Any') return [[0, LAST]]
  const matcher = propertyMatcher('General_Category', name) ?? propertyMatcher('Script', name)
  if (matcher === null) return null
  const list: [number, number][] = []
  for (let unit = 0; unit <= LAST; unit++) {
    if (matcher.test(String.fromCharCode(unit))) list.push([unit, unit])
  }
  return union(list)
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}

/** The ranges as the source of a JavaScript regular expression. */
export function classSource(list: Ranges): string {
  const parts = union(list).map(([from, to]) => {
    return from === to ? escapeUnit(from) : `${escapeUnit(from)}-${escapeUnit(to)}`
  })
  return `[${parts.join('')}]`
}

/** One character as the source of a JavaScript regular expression, a single atom. */
export function literalSource(char: string, ignoreCase: boolean): string {
  const unit = char.charCodeAt(0)
  if (ignoreCase && /[a-z]/i.test(char)) return classSource(fold([[unit, unit]]))
  if (/[a-z0-9]/i.test(char)) return char
  const source = Array.from({ length: char.length }, (_, at) => escapeUnit(char.charCodeAt(at)))
  return char.length === 1 ? source.join('') : `(?:${source.join('')})`
}
