import {
  argumentError,
  CorefileError,
  type Directive,
  inPlugin,
  readAll,
  type Token,
  valueError,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import type { BlockMetadata } from '../../serve/metadata.ts'
import type { Rule } from './draft.ts'
import { readEdnsRule } from './edns-rules.ts'
import {
  readClassRule,
  readCnameRule,
  readRcodeRule,
  readTtlRule,
  readTypeRule,
} from './field-rules.ts'
import { readNameRule } from './name-rules.ts'

type ReadRule = (goesOn: boolean, args: readonly Token[]) => Rule

const readers: ReadonlyMap<string, ReadRule> = new Map<string, ReadRule>([
  ['name', readNameRule],
  ['class', readClassRule],
  ['type', readTypeRule],
  ['ttl', readTtlRule],
  ['cname', readCnameRule],
  ['rcode', readRcodeRule],
])

/** Reads all `rewrite` lines of a block, in order. Throws CorefileError, one for all that is wrong. */
export function readConfig(
  directives: readonly Directive[],
  metadata: BlockMetadata | null = null,
): readonly Rule[] {
  return readAll(directives, (directive) =>
    inPlugin(directive.name, () => readRule(directive, metadata)),
  )
}

/** With fewer than two words behind it, a rule goes on in braces, and its lines are one. */
function readRule(directive: Directive, metadata: BlockMetadata | null): Rule {
  const { args, name, options } = directive
  if (args.length >= 2 && options !== null) throw argumentError({ ...name, text: '{' })
  const words = [...args, ...(options ?? []).flatMap((line) => [line.name, ...line.args])]
  const [first] = words
  if (first === undefined) throw valueError(name, 'no rule type specified for rewrite')
  const mode = first.text.toLowerCase()
  if (mode !== 'continue' && mode !== 'stop') return readField(false, words, first, metadata)
  if (words.length < 2) throw valueError(first, `${mode} rule must begin with a rule type`)
  return readField(mode === 'continue', words.slice(1), first, metadata)
}

function readField(
  goesOn: boolean,
  words: readonly Token[],
  first: Token,
  metadata: BlockMetadata | null,
): Rule {
  const [field, ...args] = words
  const name = field!.text.toLowerCase()
  if (name === 'answer') throw valueError(field!, 'response rewrites must begin with a name rule')
  if (name === 'edns0') return readEdnsRule(goesOn, words, metadata)
  const read = readers.get(name)
  if (read === undefined) throw valueError(field!, `invalid rule type ${quote(first.text)}`)
  try {
    return read(goesOn, args)
  } catch (error) {
    if (error instanceof CorefileError || !(error instanceof Error)) throw error
    throw valueError(field!, error.message)
  }
}
