import type { Token } from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import { Class, rcodeFromName, Type } from '../../wire/codes.ts'
import type { Rule } from './draft.ts'
import {
  isMatchKind,
  type MatchKind,
  type NameMatch,
  nameMatch,
  normalize,
  readPlainPattern,
  replacer,
} from './name-text.ts'
import {
  type RcodeChange,
  type ResponseRule,
  responseRule,
  type TtlRange,
} from './response-rule.ts'
import { parseUnsigned } from './unsigned.ts'

/** RFC 2181 §8. */
const MAX_TTL = 0x7fffffff
/** The numbers CoreDNS takes for an rcode. */
const MAX_RCODE = 23

const types: ReadonlyMap<string, number> = new Map<string, number>(Object.entries(Type))
const classes: ReadonlyMap<string, number> = new Map<string, number>(Object.entries(Class))

/** Reads what follows `type`. Throws Error with CoreDNS's text, as all of these do. */
export function readTypeRule(goesOn: boolean, args: readonly Token[]): Rule {
  const [from, to] = readCodes('type', types, args)
  return {
    goesOn,
    match: null,
    apply(draft) {
      if (draft.type !== from) return false
      draft.type = to
      return true
    },
  }
}

/** Reads what follows `class`. */
export function readClassRule(goesOn: boolean, args: readonly Token[]): Rule {
  const [from, to] = readCodes('class', classes, args)
  return {
    goesOn,
    match: null,
    apply(draft) {
      if (draft.class !== from) return false
      draft.class = to
      return true
    },
  }
}

function readCodes(
  field: string,
  codes: ReadonlyMap<string, number>,
  args: readonly Token[],
): readonly [number, number] {
  if (args.length !== 2) throw new Error(`${field} rules must have exactly two arguments`)
  const [from, to] = args.map(({ text }) => {
    const code = codes.get(text.toUpperCase())
    if (code === undefined) throw new Error(`invalid ${field} ${quote(text.toUpperCase())}`)
    return code
  })
  return [from!, to!]
}

/** Reads what follows `ttl`. */
export function readTtlRule(goesOn: boolean, args: readonly Token[]): Rule {
  const words = args.map(({ text }) => text)
  if (words.length < 2) throw new Error(`too few (${words.length}) arguments for a ttl rule`)
  // CoreDNS looks at the value first, and finds none where there are too many words.
  const value = words.length > 3 ? '' : words.at(-1)!
  const ttl = parseTtl(value)
  if (ttl === null) throw new Error(`invalid TTL '${value}' for a ttl rule`)
  return responseOnly(goesOn, readMatch('ttl', words.slice(0, -1)), responseRule({ ttl }))
}

/** `30`, `30-300`, `-300`, `30-`. */
function parseTtl(text: string): TtlRange | null {
  const parts = text.split('-')
  const [first = '', last = first] = parts
  if (parts.length > 2 || (first === '' && last === '')) return null
  const min = first === '' ? 0 : parseUnsigned(first, 32, 10)
  const max = last === '' ? MAX_TTL : parseUnsigned(last, 32, 10)
  if (min === null || max === null || max === Infinity || min > max) return null
  return { min, max }
}

/** Reads what follows `rcode`. */
export function readRcodeRule(goesOn: boolean, args: readonly Token[]): Rule {
  const words = args.map(({ text }) => text)
  if (words.length < 3) throw new Error(`too few (${words.length}) arguments for a rcode rule`)
  const [from, to] = words.length > 4 ? ['', ''] : words.slice(-2)
  const rcode = readRcodes(from!, to!)
  return responseOnly(goesOn, readMatch('rcode', words.slice(0, -2)), responseRule({ rcode }))
}

function readRcodes(from: string, to: string): RcodeChange {
  const [old, changed] = [parseRcode(from), parseRcode(to)]
  if (old === undefined) throw new Error(`invalid matching RCODE '${from}' for a rcode rule`)
  if (changed === undefined) {
    throw new Error(`invalid replacement RCODE '${to}' for a rcode rule`)
  }
  return { from: old, to: changed }
}

function parseRcode(text: string): number | undefined {
  const number = parseUnsigned(text, 32, 10)
  if (number !== null && number <= MAX_RCODE) return number
  return /^rcode/i.test(text) ? undefined : rcodeFromName(text)
}

/** `NAME` or `KIND NAME`. */
function readMatch(field: string, words: readonly string[]): NameMatch {
  const [given, name] = words.length === 1 ? ['exact', words[0]] : words
  const kind = given.toLowerCase()
  if (!isMatchKind(kind)) {
    throw new Error(
      `${field} rule supports only exact, prefix, suffix, substring, and regex name matching`,
    )
  }
  if (kind === 'regex') return nameMatch(kind, name!, readPlainPattern(field, name!))
  return nameMatch(kind, normalize(name!), null)
}

function responseOnly(goesOn: boolean, match: NameMatch, response: ResponseRule): Rule {
  return {
    goesOn,
    match,
    apply(draft) {
      if (!match.test(draft.name)) return false
      draft.responses.push(response)
      return true
    },
  }
}

/** Reads what follows `cname`: unlike others, such a rule concerns every query. */
export function readCnameRule(goesOn: boolean, args: readonly Token[]): Rule {
  const words = args.map(({ text }) => text.toLowerCase())
  const [kind, from, to] = words.length === 2 ? ['exact', ...words] : words
  if (words.length !== 2 && words.length !== 3) {
    throw new Error(`too few (${words.length}) arguments for a cname rule`)
  }
  if (!isMatchKind(kind!)) throw new Error(`unknown cname rewrite type: ${kind}`)
  const target = cnameTarget(kind, from!, to!)
  return {
    goesOn,
    match: null,
    apply(draft) {
      draft.responses.push(target)
      return true
    },
  }
}

/** Only an exact name gets its final dot: all others are compared as they are written. */
function cnameTarget(kind: MatchKind, from: string, to: string): ResponseRule {
  if (kind === 'exact') {
    return responseRule({ target: replacer(kind, normalize(from), normalize(to), null) })
  }
  const pattern = kind === 'regex' ? readPlainPattern('cname', from) : null
  return responseRule({ target: replacer(kind, from, to, pattern) })
}
