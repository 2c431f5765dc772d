import { classSource, literalSource } from './char-class.ts'
import { classAt, groupAt } from './regex-class.ts'
import { charAt, escapeAt, matchAt, type Piece, regexError } from './regex-escape.ts'
import { type Item, repeat, type Repetition, repetitionAt } from './regex-repeat.ts'

const MAX_DEPTH = 1_000
/** Characters of a pattern, and of what it is translated to. */
const MAX_PATTERN = 1 << 16
const MAX_SOURCE = 1 << 20

const GROUP = /\(\?(?:P?<([^>]*)>|([imsU]*)(?:-([imsU]+))?([:)]))/y
const OPEN_NAME = /\(\?P?<[^]/y
const NOT_FLAGS = /\(\?[imsU]*(?:-[imsU]*)?[^]?/y

/** Assertions. JavaScript's own `m` flag would see lines end at a carriage return too. */
const ASSERTIONS: ReadonlyMap<string, string> = new Map([
  ['\\A', '^'],
  ['\\z', '$'],
  ['\\b', '\\b'],
  ['\\B', '\\B'],
])
const LINE_START = '(?<![^\\n])'
const LINE_END = '(?![^\\n])'

type Flag = 'i' | 'm' | 's' | 'U'
type Flags = ReadonlySet<Flag>

/** A group that is still open; the pattern as a whole is the outermost. */
interface Group {
  readonly opening: string
  /** Flags that hold again behind the group. */
  readonly outerFlags: Flags
  /** Alternatives that are complete. */
  readonly alternatives: string[]
  /** The alternative being read. */
  items: Item[]
  /** Largest weight of all items. */
  weight: number
  captures: boolean
}

class Translator {
  readonly #pattern: string
  readonly #names = new Set<string>()
  readonly #groups: Group[] = []
  #group: Group
  #flags: Flags = new Set()
  #at = 0
  #size = 0

  constructor(pattern: string) {
    this.#pattern = pattern
    this.#group = this.#open('', false)
  }

  run(): string {
    let previous: Repetition | null = null
    while (this.#at < this.#pattern.length) {
      const repetition = repetitionAt(this.#pattern, this.#at)
      if (repetition === null) this.#piece()
      else this.#repeat(repetition, previous)
      previous = repetition
    }
    if (this.#groups.length > 0) throw regexError('missing closing )', this.#pattern)
    this.#nextAlternative()
    return this.#group.alternatives.join('|')
  }

  #open(opening: string, captures: boolean): Group {
    const outerFlags = this.#flags
    return { opening, outerFlags, alternatives: [], items: [], weight: 1, captures }
  }

  #repeat(repetition: Repetition, previous: Repetition | null): void {
    const part = this.#pattern.slice(previous?.start ?? repetition.start, repetition.end)
    if (previous !== null) throw regexError('invalid nested repetition operator', part)
    const item = this.#group.items.pop()
    if (item === undefined) throw regexError('missing argument to repetition operator', part)
    const repeated = repeat(item, repetition, this.#flags.has('U'))
    if (repeated === null) throw regexError('invalid repeat count', part)
    this.#push(repeated)
    this.#at = repetition.end
  }

  /** Anything but a repetition. */
  #piece(): void {
    const char = charAt(this.#pattern, this.#at)
    if (char === '(') return this.#openGroup()
    if (char === ')') return this.#closeGroup()
    if (char === '\\') return this.#escape()
    if (char === '[') {
      const { value, end } = classAt(this.#pattern, this.#at, this.#flags.has('i'))
      this.#at = end
      return this.#atom(value)
    }
    this.#at += char.length
    if (char === '|') this.#nextAlternative()
    else if (char === '^') this.#assertion(this.#flags.has('m') ? LINE_START : '^')
    else if (char === '$') this.#assertion(this.#flags.has('m') ? LINE_END : '$')
    else if (char === '.') this.#atom(this.#flags.has('s') ? '[^]' : '[^\\n]')
    else this.#literal(char)
  }

  #escape(): void {
    const two = this.#pattern.slice(this.#at, this.#at + 2)
    const assertion = ASSERTIONS.get(two)
    if (assertion !== undefined) {
      this.#at += 2
      return this.#assertion(assertion)
    }
    if (two === '\\Q') return this.#quoted()
    const ignoreCase = this.#flags.has('i')
    const group = groupAt(this.#pattern, this.#at, ignoreCase)
    if (group !== null) {
      this.#at = group.end
      return this.#atom(classSource(group.value))
    }
    const { value, end }: Piece<string> = escapeAt(this.#pattern, this.#at)
    this.#at = end
    this.#literal(value)
  }

  /** `\Q…\E`, or to the end of the pattern: nothing in it is special. */
  #quoted(): void {
    const start = this.#at + 2
    const close = this.#pattern.indexOf('\\E', start)
    const end = close < 0 ? this.#pattern.length : close
    for (const char of this.#pattern.slice(start, end)) this.#literal(char)
    this.#at = close < 0 ? end : end + 2
  }

  #openGroup(): void {
    const capturing = this.#pattern[this.#at + 1] !== '?'
    if (capturing) {
      this.#at++
      return this.#enter('(', true)
    }
    const match = matchAt(this.#pattern, this.#at, GROUP)
    if (match === null) throw this.#groupError()
    const [all, name, on = '', off = '', last] = match
    this.#at += all.length
    if (name !== undefined) return this.#enter(this.#namedOpening(name, all), true)
    const flags = new Set(this.#flags)
    for (const flag of on) flags.add(flag as Flag)
    for (const flag of off) flags.delete(flag as Flag)
    if (last === ':') this.#enter('(?:', false)
    this.#flags = flags
  }

  #groupError(): Error {
    if (matchAt(this.#pattern, this.#at, OPEN_NAME) !== null) {
      return regexError('invalid named capture', this.#pattern.slice(this.#at))
    }
    const [bad = ''] = matchAt(this.#pattern, this.#at, NOT_FLAGS) ?? []
    return regexError('invalid or unsupported Perl syntax', bad)
  }

  /** Go knows names JavaScript does not: starting with a digit, or given twice. They stay numbers. */
  #namedOpening(name: string, all: string): string {
    if (!/^[0-9A-Za-z_]+$/.test(name)) throw regexError('invalid named capture', all)
    if (/^[0-9]/.test(name) || this.#names.has(name)) return '('
    this.#names.add(name)
    return `(?<${name}>`
  }

  #enter(opening: string, captures: boolean): void {
    this.#groups.push(this.#group)
    if (this.#groups.length > MAX_DEPTH)
      throw regexError('expression nests too deeply', this.#pattern)
    this.#group = this.#open(opening, captures)
  }

  #closeGroup(): void {
    const outer = this.#groups.pop()
    if (outer === undefined) throw regexError('unexpected )', this.#pattern)
    this.#nextAlternative()
    const { opening, alternatives, outerFlags, weight, captures } = this.#group
    this.#at++
    this.#group = outer
    this.#flags = outerFlags
    this.#push({ source: `${opening}${alternatives.join('|')})`, weight, captures, atom: true })
  }

  #nextAlternative(): void {
    this.#group.alternatives.push(this.#group.items.map(({ source }) => source).join(''))
    this.#group.items = []
  }

  #literal(char: string): void {
    this.#atom(literalSource(char, this.#flags.has('i')))
  }

  #atom(source: string): void {
    this.#push({ source, weight: 1, captures: false, atom: true })
  }

  #assertion(source: string): void {
    this.#push({ source, weight: 1, captures: false, atom: false })
  }

  #push(item: Item): void {
    this.#size += item.source.length
    if (this.#size > MAX_SOURCE) throw tooLarge(this.#pattern)
    this.#group.items.push(item)
    this.#group.weight = Math.max(this.#group.weight, item.weight)
    this.#group.captures ||= item.captures
  }
}

/** The error for a pattern that no engine should be asked to run. */
export function tooLarge(pattern: string): Error {
  const start = pattern.length > 64 ? `${pattern.slice(0, 64)}…` : pattern
  return regexError('expression too large', start)
}

/**
 * The JavaScript source (for no flags) of a pattern in RE2's syntax. It works on UTF-16 units and
 * ASCII case. Throws DnsletError `E_REGEX` in the words of Go's regexp package.
 */
export function translate(pattern: string): string {
  if (pattern.length > MAX_PATTERN) throw tooLarge(pattern)
  return new Translator(pattern).run()
}
