import { compileRegex, type Pattern } from '../../corefile/regex.ts'

/** Beyond this a pattern is refused, as in CoreDNS. */
const MAX_PATTERN = 10_000
/** `{0}` … `{100}` are looked for when the groups of a pattern are counted. */
const MOST_GROUPS = 100
/** What a name consists of: as a pattern it is sound and has no groups. */
const PLAIN = /^[-a-z0-9_.]*$/
const GROUP = /\{(0|[1-9]\d{0,2})\}/g

/** How a rule compares names. All work on text in lower case, with its final dot. */
export const MatchKind = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const
export type MatchKind = (typeof MatchKind)[number]

export function isMatchKind(text: string): text is MatchKind {
  return (MatchKind as readonly string[]).includes(text)
}

/** A name as rules hold it: lower case, with a final dot even where it is only a part of a name. */
export function normalize(text: string): string {
  const lower = text.toLowerCase()
  const backslashes = /(\\*)\.$/.exec(lower)?.[1]
  return backslashes !== undefined && backslashes.length % 2 === 0 ? lower : `${lower}.`
}

/** What a name has to be for a rule to concern it. */
export interface NameMatch {
  readonly kind: MatchKind
  /** What it is compared with; of a `regex` the pattern. */
  readonly text: string
  test(name: string): boolean
}

/** @param text normalised, where it is no pattern */
export function nameMatch(kind: MatchKind, text: string, pattern: Pattern | null): NameMatch {
  return { kind, text, test: testOf(kind, text, pattern) }
}

function testOf(kind: MatchKind, text: string, pattern: Pattern | null): (name: string) => boolean {
  switch (kind) {
    case 'exact':
      return (name) => name === text
    case 'prefix':
      return (name) => name.startsWith(text)
    case 'suffix':
      return (name) => name.endsWith(text)
    case 'substring':
      return (name) => name.includes(text)
    case 'regex':
      return (name) => pattern!.test(name)
  }
}

/** The name in place of one that matches, null where it does not. */
export type Replace = (name: string) => string | null

/** How a rule of this kind replaces what it matches by `to`: the part of the name, or all of it. */
export function replacer(
  kind: MatchKind,
  from: string,
  to: string,
  pattern: Pattern | null,
): Replace {
  switch (kind) {
    case 'exact':
      return (name) => (name === from ? to : null)
    case 'prefix':
      return (name) => (name.startsWith(from) ? to + name.slice(from.length) : null)
    case 'suffix':
      return (name) => (name.endsWith(from) ? name.slice(0, -from.length) + to : null)
    case 'substring':
      return (name) => (name.includes(from) ? name.split(from).join(to) : null)
    case 'regex':
      return regexReplacer(pattern!, to)
  }
}

/**
 * `{0}` … `{n}` in `to` stand for what the groups have matched. What a group has matched is not looked
 * through for `{1}` again, as CoreDNS does: names that strangers choose would grow without bound.
 */
export function regexReplacer(pattern: Pattern, to: string): Replace {
  const groups = groupsOf(pattern)
  return (name) => {
    const matcher = pattern.matcher(name)
    if (!matcher.find()) return null
    return to.replace(GROUP, (written, index: string) =>
      Number(index) <= groups ? (matcher.group(Number(index)) ?? '') : written,
    )
  }
}

function groupsOf(pattern: Pattern): number {
  return pattern.matcher('').groupCount()
}

/** The pattern of a `regex` rule whose replacement is `to`. Throws Error with CoreDNS's text. */
export function readPattern(from: string, to: string): Pattern {
  checkLength(from, '')
  const pattern = compile(from, () => `invalid regex matching pattern: ${from}`)
  checkGroups(from, to, groupsOf(pattern))
  return pattern
}

/** The pattern of a `ttl`, `rcode` or `cname` rule. Throws Error with CoreDNS's text. */
export function readPlainPattern(field: string, from: string): Pattern {
  checkLength(from, ` in a ${field} rule`)
  return compile(from, (reason) =>
    field === 'cname'
      ? `invalid cname rewrite regex pattern: ${reason}`
      : `invalid regex pattern in a ${field} rule: ${from}`,
  )
}

/** CoreDNS compiles TO of an `exact` rule, and counts the groups in FROM: what it refuses is refused. */
export function checkExact(from: string, to: string): void {
  if (PLAIN.test(to)) checkGroups(to, from, 0)
  else readPattern(to, from)
}

function checkLength(pattern: string, where: string): void {
  const length = Buffer.byteLength(pattern)
  if (length <= MAX_PATTERN) return
  throw new Error(`regex pattern too long${where}: ${length} > ${MAX_PATTERN}`)
}

function checkGroups(from: string, to: string, groups: number): void {
  const used = new Set(Array.from(to.matchAll(GROUP), ([, index]) => Number(index)))
  const count = [...used].filter((index) => index <= MOST_GROUPS).length
  if (count <= groups) return
  throw new Error(
    `the rewrite regex pattern (${to}) uses more subexpressions than its corresponding matching ` +
      `regex pattern (${from})`,
  )
}

function compile(pattern: string, problem: (reason: string) => string): Pattern {
  try {
    return compileRegex(pattern)
  } catch (error) {
    throw new Error(problem((error as Error).message), { cause: error })
  }
}
