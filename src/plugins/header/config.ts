import {
  argumentError,
  type Directive,
  ignore,
  inPlugin,
  type Option,
  readAll,
  type Token,
  valueError,
  type Warn,
} from '../../corefile/directive.ts'
import { Flag } from '../../wire/codes.ts'

/** What rules make of a flags word: bits to clear, then bits to set. */
export interface FlagRules {
  readonly clear: number
  readonly set: number
}

export interface HeaderConfig {
  readonly query: FlagRules
  readonly response: FlagRules
}

const flagBits: ReadonlyMap<string, number> = new Map([
  ['aa', Flag.AA],
  ['ra', Flag.RA],
  ['rd', Flag.RD],
])
const none: FlagRules = { clear: 0, set: 0 }

/** Reads the first `header` of a block that has rules; CoreDNS does not look at those behind it. */
export function readConfig(directives: readonly Directive[], warn: Warn = ignore): HeaderConfig {
  const at = directives.findIndex(({ options }) => options !== null && options.length > 0)
  const directive = directives[at]
  if (directive === undefined) {
    const { name, args } = directives.at(-1)!
    return inPlugin(name, () => {
      throw argumentError(args.at(-1) ?? name)
    })
  }
  const others = directives.filter((other) => other !== directive).map(({ name }) => name)
  for (const { file, line, text } of [...directive.args, ...others]) {
    warn(`${file}:${line} - '${text}' is ignored: the rules of line ${directive.name.line} count`)
  }
  return inPlugin(directive.name, () => {
    let query = none
    let response = none
    readAll(directive.options!, (option) => {
      const [isQuery, change] = readRule(option)
      if (isQuery) query = change(query)
      else response = change(response)
    })
    return Object.freeze({ query, response })
  })
}

type Change = (before: FlagRules) => FlagRules

function readRule({ args, name }: Option): readonly [isQuery: boolean, change: Change] {
  const selector = name.text.toLowerCase()
  if (selector !== 'query' && selector !== 'response') {
    throw problem(name, `invalid selector=${selector} should be query or response`)
  }
  const [action, ...flags] = args
  if (action === undefined) throw problem(name, 'no flag action provided')
  if (flags.length === 0) {
    throw problem(action, 'invalid length for flags, at least one should be provided')
  }
  const verb = action.text.toLowerCase()
  if (verb !== 'set' && verb !== 'clear') {
    throw problem(action, `unknown flag action=${verb}, should be set or clear`)
  }
  const bits = flags.reduce((all, flag) => all | bitOf(flag), 0)
  // The last rule about a flag counts.
  const change: Change = ({ clear, set }) =>
    verb === 'set'
      ? { clear: clear & ~bits, set: set | bits }
      : { clear: clear | bits, set: set & ~bits }
  return [selector === 'query', change]
}

function bitOf(flag: Token): number {
  const name = flag.text.toLowerCase()
  const bit = flagBits.get(name)
  if (bit === undefined) throw problem(flag, `unknown/unsupported flag=${name}`)
  return bit
}

function problem(at: Token, text: string): Error {
  return valueError(at, `setting up rule: ${text}`)
}
