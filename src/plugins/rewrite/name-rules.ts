import type { Token } from '../../corefile/directive.ts'
import type { Pattern } from '../../corefile/regex.ts'
import type { Draft, Rule } from './draft.ts'
import {
  checkExact,
  isMatchKind,
  type MatchKind,
  nameMatch,
  normalize,
  readPattern,
  regexReplacer,
  replacer,
} from './name-text.ts'
import { NameBack, RegexMap, type ResponseRule, responseRule, SuffixMap } from './response-rule.ts'

/** Reads what follows `name`. Throws Error with CoreDNS's text. */
export function readNameRule(goesOn: boolean, args: readonly Token[]): Rule {
  const words = args.map(({ text }) => text)
  if (words.length < 2) throw new Error('too few arguments for a name rule')
  const [given, from, to] = words.length === 2 ? ['exact', ...words] : words
  const kind = given!.toLowerCase()
  const answers = words.length > 3 ? readAnswers(kind, words.slice(3)) : noAnswers
  if (!isMatchKind(kind)) {
    throw new Error(
      'name rule supports only exact, prefix, suffix, substring, and regex name matching, ' +
        `received: ${kind}`,
    )
  }
  const wanted = kind === 'regex' ? from! : normalize(from!)
  const replacement = normalize(to!)
  if (kind === 'exact') checkExact(wanted, replacement)
  const pattern = kind === 'regex' ? readPattern(wanted, to!) : null
  return nameRule(goesOn, kind, wanted, replacement, pattern, answers)
}

function nameRule(
  goesOn: boolean,
  kind: MatchKind,
  from: string,
  to: string,
  pattern: Pattern | null,
  { auto, rules }: Answers,
): Rule {
  const replace = replacer(kind, from, to, pattern)
  const responses = [...rules]
  if (kind === 'suffix' && auto) {
    const back = new SuffixMap(to, from)
    responses.unshift(responseRule({ owner: back, value: back }))
  }
  const mapsBack = kind === 'exact' || (auto && kind !== 'suffix')
  return {
    goesOn,
    match: nameMatch(kind, from, pattern),
    apply(draft: Draft): boolean {
      const before = draft.name
      const name = replace(before)
      if (name === null) return false
      draft.rename(name)
      if (mapsBack) {
        const back = new NameBack(name, before)
        draft.responses.push(responseRule({ owner: back, value: back }))
      }
      draft.responses.push(...responses)
      return true
    },
  }
}

interface Answers {
  readonly auto: boolean
  readonly rules: readonly ResponseRule[]
}

const noAnswers: Answers = { auto: false, rules: [] }

/** `answer auto`, `answer name FROM TO` and `answer value FROM TO`, the second `answer` optional. */
function readAnswers(kind: string, words: readonly string[]): Answers {
  const rule = `for ${kind} rule`
  if (words.length < 2) throw new Error(`invalid arguments ${rule}`)
  if (words[0] !== 'answer') {
    throw new Error(`exceeded the number of arguments for a non-answer rule argument ${rule}`)
  }
  const rules: ResponseRule[] = []
  let auto = false
  let names = 0
  for (let at = 0; at < words.length;) {
    if (words[at] === 'answer') at++
    const what = words[at++]
    if (what === undefined) throw new Error(`type missing for answer rule ${rule}`)
    if (what === 'auto') {
      auto = true
      continue
    }
    if (what !== 'name' && what !== 'value') {
      throw new Error(`invalid type "${what}" for answer rule ${rule}`)
    }
    rules.push(readAnswer(what, words.slice(at, at + 2), rule))
    if (what === 'name') names++
    at += 2
  }
  if (auto && names > 0) {
    throw new Error('auto name answer rule cannot be combined with explicit name anwer rules')
  }
  return { auto, rules }
}

function readAnswer(what: 'name' | 'value', words: readonly string[], rule: string): ResponseRule {
  const [from, to] = words
  if (from === undefined || to === undefined) {
    throw new Error(`${what} answer rule ${rule}: 2 arguments required`)
  }
  try {
    const map = new RegexMap(regexReplacer(readPattern(from, to), normalize(to)))
    return responseRule(what === 'name' ? { owner: map } : { value: map })
  } catch (error) {
    throw new Error(`${what} answer rule ${rule}: ${(error as Error).message}`, { cause: error })
  }
}
