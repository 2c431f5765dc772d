import {
  all,
  type Directive,
  ignore,
  inPlugin,
  list,
  oneOf,
  read,
  readAll,
  type Warn,
  zonesOr,
} from '../../corefile/directive.ts'
import { COMMON, Format } from '../../serve/format.ts'
import type { BlockMetadata } from '../../serve/metadata.ts'
import { ALL_CLASSES, ResponseClass } from '../../serve/response-class.ts'

/** Which queries are logged how. */
export interface Rule {
  /** In canonical form. */
  readonly zone: string
  readonly format: Format
  /** A set of ResponseClass. */
  readonly classes: number
  /** The format as it is written, for descriptions. */
  readonly source: string
}

const classBits = {
  all: ALL_CLASSES,
  success: ResponseClass.Success,
  denial: ResponseClass.Denial,
  error: ResponseClass.Error,
} as const

const classWord = oneOf(['all', 'success', 'denial', 'error'], (word) => `invalid Class: ${word}`)

const options = { class: all(list(classWord, 1)) }

/** Reads all `log` directives of a block. The first rule whose zone holds a name decides about it. */
export function readRules(
  directives: readonly Directive[],
  warn: Warn = ignore,
  metadata: BlockMetadata | null = null,
): readonly Rule[] {
  return readAll(directives, (directive) =>
    inPlugin(directive.name, () => readRule(directive, warn, metadata)),
  ).flat()
}

function readRule(directive: Directive, warn: Warn, metadata: BlockMetadata | null): Rule[] {
  // A name never holds a brace. CoreDNS takes a format alone for a name, and logs nothing.
  const last = directive.args.at(-1)
  const source = last?.text.includes('{') === true ? last.text : null
  const names = source === null ? directive.args : directive.args.slice(0, -1)
  const format = new Format(source ?? COMMON, metadata)
  for (const { text, file, line } of names) {
    if (text === 'common' || text === 'combined') {
      warn(`${file}:${line} - '${text}' is read as a name: the format is written {${text}}`)
    }
  }
  const words = read(directive, options).class?.flat() ?? ['all' as const]
  const classes = words.reduce((set, word) => set | classBits[word], 0)
  return zonesOr(names, ['.'], warn).map((zone) => ({
    zone,
    format,
    classes,
    source: source ?? '{common}',
  }))
}
