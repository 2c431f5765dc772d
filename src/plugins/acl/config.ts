import {
  type Directive,
  errorAt,
  inPlugin,
  type Option,
  readAll,
  type Token,
  type Warn,
  wholeLine,
  zonesOr,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import { parsePrefix } from '../../corefile/ip.ts'
import { AddressSet, type Network } from '../../lib/address-set.ts'
import { Type } from '../../wire/codes.ts'

const actions = ['allow', 'block', 'filter', 'drop'] as const
export type Action = (typeof actions)[number]

/** One line in braces. */
export interface Policy {
  readonly action: Action
  /** Null for all of them. */
  readonly types: ReadonlySet<number> | null
  /** Null for all of them. */
  readonly sources: AddressSet | null
  /** As the Corefile has it. */
  readonly text: string
}

/** One `acl`. */
export interface Rule {
  readonly zones: readonly string[]
  readonly policies: readonly Policy[]
}

/** CoreDNS's names of types, in capitals only. Its `None` is what all types are to it. */
const typeCodes: ReadonlyMap<string, number> = new Map<string, number>([
  ...Object.entries(Type),
  ['Reserved', 65_535],
])
const ALL_TYPES = new Set(['*', 'None'])
const EVERYBODY = '*'

/** What the sections of a line add up to. */
interface Sections {
  types: Set<number> | null
  sources: Network[] | null
}

/** Reads all occurrences of the directive, in their order. */
export function readRules(
  directives: readonly Directive[],
  block: readonly string[],
  warn: Warn,
): readonly Rule[] {
  return readAll(directives, ({ args, name, options }) =>
    inPlugin(name, () => ({
      zones: zonesOr(args, block, warn),
      policies: readAll(options ?? [], readPolicy),
    })),
  )
}

function readPolicy(line: Option): Policy {
  const { args, name } = line
  wholeLine(line)
  const action = actions.find((word) => word === name.text.toLowerCase())
  if (action === undefined) {
    const wanted = "'allow', 'block', 'filter' or 'drop'"
    throw errorAt(name, `unexpected token ${quote(name.text)}; expect ${wanted}`)
  }
  const { sources, types } = readSections(args)
  return {
    action,
    types,
    sources: sources === null ? null : new AddressSet(sources),
    text: [action, ...args.map(({ text }) => text)].join(' '),
  }
}

/** A section that is not there, or says `*`, is for all; of several that say less all count. */
function readSections(args: readonly Token[]): Sections {
  const types = new Set<number>()
  const sources: Network[] = []
  const narrow = { type: false, net: false }
  const all = { type: false, net: false }
  for (let at = 0; at < args.length;) {
    const head = args[at]!
    const section = sectionOf(head)
    if (section === null) {
      throw errorAt(head, `unexpected token ${quote(head.text)}; expect 'type | net'`)
    }
    let end = at + 1
    while (end < args.length && sectionOf(args[end]!) === null) end++
    const tokens = args.slice(at + 1, end)
    if (tokens.length === 0) throw errorAt(head, `no token specified in ${quote(section)} section`)
    narrow[section] = true
    for (const token of tokens) {
      all[section] ||= section === 'type' ? ALL_TYPES.has(token.text) : token.text === EVERYBODY
      if (token.text === '*') break
      if (section === 'net') sources.push(network(token))
      else if (!ALL_TYPES.has(token.text)) types.add(typeCode(token))
    }
    at = end
  }
  return {
    types: narrow.type && !all.type ? types : null,
    sources: narrow.net && !all.net ? sources : null,
  }
}

function sectionOf({ text }: Token): 'type' | 'net' | null {
  const word = text.toLowerCase()
  return word === 'type' || word === 'net' ? word : null
}

function typeCode(token: Token): number {
  const code = typeCodes.get(token.text)
  if (code !== undefined) return code
  throw errorAt(token, `unexpected token ${quote(token.text)}; expect legal QTYPE`)
}

/** A network, or an address, which is one of its own. */
function network(token: Token): Network {
  const { text } = token
  const size = text.includes(':') ? 128 : 32
  const cidr = text.includes('/') ? text : `${text}/${size}`
  const found = parsePrefix(cidr)
  if (found !== null) return found
  throw errorAt(token, `illegal CIDR notation ${quote(cidr)}`)
}
