import type { BlockMetadata } from '../../serve/metadata.ts'
import type { Query } from '../../serve/query.ts'
import { className, Flag, typeName } from '../../wire/codes.ts'
import { opcodeOf, rcodeOf } from '../../wire/header.ts'
import { nameText } from '../../wire/question.ts'
import { Dict, Int, List, type Struct, type Value } from './language/values.ts'
import { classLabel, labelKey, type Matches, typeLabel } from './metrics.ts'
import type { NamedPattern } from './pattern.ts'

/** A zone of a template. */
export interface RuleZone {
  readonly name: string
  /** Among the template's zones. */
  readonly index: number
  readonly matches: Matches
}

/** What a query matched, and what its records are made of. */
export class Matched {
  readonly q: Query
  readonly zone: RuleZone
  readonly pattern: NamedPattern
  readonly metadata: BlockMetadata
  readonly #class: number
  readonly #type: number

  /** @param klass the question's, or the template's where that is ANY; so is `type` */
  constructor(
    q: Query,
    zone: RuleZone,
    pattern: NamedPattern,
    metadata: BlockMetadata,
    klass: number,
    type: number,
  ) {
    this.q = q
    this.zone = zone
    this.pattern = pattern
    this.metadata = metadata
    this.#class = klass
    this.#type = type
  }

  /** Presentation format, lower case. */
  get name(): string {
    return nameText(this.q.wire, this.q.question, true)
  }

  /** A mnemonic; empty where there is none. */
  get class(): string {
    return classLabel(this.#class)
  }

  get type(): string {
    return typeLabel(this.#type)
  }

  /** The same number where zone, class and type are the same to a template. */
  get key(): number {
    return this.zone.index * 2 ** 24 + labelKey(this.#class, this.#type)
  }
}

/** The data of a template, read as far as it asks for it. */
export function templateData(matched: Matched): Struct {
  const { name, pattern, q } = matched
  let groups: Groups | null = null
  const found = (): Groups => (groups ??= groupsOf(name, pattern))
  return {
    type: '*template.templateData',
    fields: {
      Zone: () => matched.zone.name,
      Name: () => name,
      Regex: () => pattern.source,
      Match: () => found().match,
      Group: () => found().group,
      Class: () => matched.class,
      Type: () => matched.type,
      Message: () => message(q),
      Question: () => question(q, '*dns.Question'),
      Remote: () => q.target.remoteAddress(q),
    },
    methods: {
      Meta: {
        parameters: ['string'],
        call: ([label]) => matched.metadata.value(label as string, q) ?? '',
      },
    },
  }
}

/** The data of a template that depends on nothing else, or on nothing at all; the name is the root. */
export function fixedData(matched: Matched | null): Struct {
  return {
    type: '*template.templateData',
    fields: {
      Zone: () => matched!.zone.name,
      Name: () => '.',
      Class: () => matched!.class,
      Type: () => matched!.type,
    },
    methods: {},
  }
}

interface Groups {
  readonly match: List
  readonly group: Dict
}

/** A group that has matched nothing is empty, and each has its number for a name, too. */
function groupsOf(name: string, { pattern }: NamedPattern): Groups {
  const texts: string[] = [name]
  const group = new Map<string, Value>()
  if (pattern !== null) {
    const matcher = pattern.matcher(name)
    const isFound = matcher.find()
    for (let i = 0; i <= pattern.groupCount(); i++) texts[i] = (isFound && matcher.group(i)) || ''
  }
  texts.forEach((text, i) => group.set(String(i), text))
  for (const [label, i] of Object.entries(pattern?.namedGroups() ?? {})) {
    group.set(label, texts[i])
  }
  return { match: new List(texts, 'string'), group: new Dict(group, 'string') }
}

function question({ question: asked, wire }: Query, type: string): Struct {
  const name = nameText(wire, asked)
  return {
    type,
    fields: {
      Name: () => name,
      Qtype: () => new Int(asked.type, 'uint16'),
      Qclass: () => new Int(asked.class, 'uint16'),
    },
    methods: {
      String: {
        parameters: [],
        call: () => `;${name}\t${className(asked.class)}\t ${typeName(asked.type)}`,
      },
    },
  }
}

/** Header and question; the other sections of a query are not kept. */
function message(q: Query): Struct {
  const flag = (bit: number) => (): Value => (q.flags & bit) !== 0
  const records = (): Value => new List([], 'dns.RR')
  return {
    type: '*dns.Msg',
    fields: {
      Id: () => new Int(q.id, 'uint16'),
      Response: flag(Flag.QR),
      Opcode: () => new Int(opcodeOf(q.flags)),
      Authoritative: flag(Flag.AA),
      Truncated: flag(Flag.TC),
      RecursionDesired: flag(Flag.RD),
      RecursionAvailable: flag(Flag.RA),
      Zero: flag(Flag.Z),
      AuthenticatedData: flag(Flag.AD),
      CheckingDisabled: flag(Flag.CD),
      Rcode: () => new Int(rcodeOf(q.flags)),
      Question: () => new List([question(q, 'dns.Question')], 'dns.Question'),
      Answer: records,
      Ns: records,
      Extra: records,
    },
    methods: {},
  }
}
