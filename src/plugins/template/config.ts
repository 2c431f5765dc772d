import {
  argumentError,
  countArgs,
  type Directive,
  errorAt,
  inPlugin,
  type Option,
  read,
  readAll,
  reaching,
  type Token,
  type Warn,
  zonesOr,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import { Class, Rcode, rcodeFromName, Type } from '../../wire/codes.ts'
import { errorOption } from '../../wire/edns.ts'
import { TemplateError } from './language/token.ts'
import { type NamedPattern, readPattern } from './pattern.ts'
import { RecordTemplate, type SectionName } from './record-template.ts'

/** Octets of the longest reason that an option can hold, behind its code. */
const MAX_REASON = 0xffff - 2
/** Mnemonics that CoreDNS takes, and that are no type. */
const OTHER_TYPES: ReadonlyMap<string, number> = new Map([
  ['None', 0],
  ['Reserved', 65_535],
])

/** One `template` of a block. */
export interface TemplateConfig {
  readonly class: number
  readonly type: number
  readonly zones: readonly string[]
  readonly patterns: readonly NamedPattern[]
  readonly answer: readonly RecordTemplate[]
  readonly authority: readonly RecordTemplate[]
  readonly additional: readonly RecordTemplate[]
  readonly rcode: number
  /** An extended error as an option, null where there is none. */
  readonly error: Buffer | null
  /** Zones whose names go on to the next template where no pattern matches; null: none. */
  readonly fallthrough: readonly string[] | null
}

/** Reads all templates of a block, in order. Throws CorefileError, one for all that is wrong. */
export function readConfig(
  directives: readonly Directive[],
  block: readonly string[],
  warn: Warn,
): readonly TemplateConfig[] {
  return readAll(directives, (directive) =>
    inPlugin(directive.name, () => readOne(directive, block, warn)),
  )
}

function readOne(directive: Directive, block: readonly string[], warn: Warn): TemplateConfig {
  const [classToken, typeToken, ...zones] = countArgs(directive, 1)
  const klass = Class[classToken!.text as keyof typeof Class] as number | undefined
  if (klass === undefined || !Object.hasOwn(Class, classToken!.text)) {
    throw errorAt(classToken!, `invalid query class ${classToken!.text}`)
  }
  if (typeToken === undefined) throw argumentError(classToken!)
  const options = read(
    directive,
    {
      match: patterns,
      answer: records('answer'),
      additional: records('additional'),
      authority: records('authority'),
      rcode: reaching(1, rcode),
      ederror: extendedError,
      fallthrough: ({ args }: Option) => zonesOr(args, ['.'], warn),
      upstream: () => true,
    },
    { warn },
  )
  const { answer = [], additional = [], authority = [], match = [] } = options
  return Object.freeze({
    class: klass,
    type: typeOf(typeToken),
    zones: zonesOr(zones, block, warn),
    patterns: match.length > 0 ? match : [{ source: '.*', pattern: null }],
    answer,
    authority,
    additional,
    rcode: options.rcode ?? Rcode.NoError,
    error: options.ederror ?? null,
    fallthrough: options.fallthrough ?? null,
  })
}

function typeOf(token: Token): number {
  const { text } = token
  const type = Object.hasOwn(Type, text) ? Type[text as keyof typeof Type] : OTHER_TYPES.get(text)
  if (type === undefined) throw errorAt(token, `invalid RR class ${text}`)
  return type
}

function patterns(option: Option, before: readonly NamedPattern[] = []): readonly NamedPattern[] {
  return [...before, ...countArgs(option, 1).map(readPattern)]
}

/** Each word is a template of its own. */
function records(section: SectionName) {
  return (option: Option, before: readonly RecordTemplate[] = []): readonly RecordTemplate[] => [
    ...before,
    ...countArgs(option, 1).map((token) => readTemplate(section, token)),
  ]
}

function readTemplate(section: SectionName, token: Token): RecordTemplate {
  try {
    return new RecordTemplate(section, token)
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    throw errorAt(token, `could not compile template: ${token.text}, ${error.message}`)
  }
}

/** Only in upper case, and only by name, as in CoreDNS. */
function rcode(option: Option): number {
  const [token] = countArgs(option, 1)
  const { text } = token!
  if (text === 'NOTIMPL') return Rcode.NotImp
  const isName = text === text.toUpperCase() && !text.startsWith('RCODE')
  const code = isName ? rcodeFromName(text) : undefined
  if (code === undefined) throw errorAt(token!, `unknown rcode ${text}`)
  return code
}

function extendedError(option: Option): Buffer {
  const [token, reason] = countArgs(option, 1, 2)
  const { text } = token!
  const refuse = (problem: string): never => {
    const error = `strconv.ParseUint: parsing ${quote(text)}: ${problem}`
    throw errorAt(token!, `error parsing extended DNS error code ${text}, ${error}`)
  }
  if (!/^\d+$/.test(text)) refuse('invalid syntax')
  if (Number(text) > 0xffff) refuse('value out of range')
  const octets = Buffer.from(reason?.text ?? '')
  if (octets.length > MAX_REASON) {
    throw errorAt(reason!, `reason of an extended DNS error beyond ${MAX_REASON} octets`)
  }
  return errorOption(Number(text), octets)
}
