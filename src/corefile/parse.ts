import { exact } from '../lib/exact.ts'
import { printable } from '../lib/printable.ts'
import { argumentError, CorefileError, errorAt, syntaxError } from './error.ts'
import { hintFor } from './nearest.ts'
import { type StreamOptions, TokenStream } from './token-stream.ts'
import { type Lexeme, shown, type Source, type Token, withText } from './token.ts'

export type { Source, Token } from './token.ts'

/** One line inside a directive's braces. */
export interface Option {
  readonly name: Token
  readonly args: readonly Token[]
  /** The closing brace where it stands on the same line: only some options end before it. */
  readonly close?: Token
}

/** One occurrence of a directive; `options` is null where it has no braces. */
export interface Directive {
  readonly name: Token
  readonly args: readonly Token[]
  readonly options: readonly Option[] | null
}

export interface ServerBlock {
  readonly keys: readonly Token[]
  /** All occurrences of each directive, in file order. */
  readonly directives: ReadonlyMap<string, readonly Directive[]>
}

export interface ParseOptions extends StreamOptions {
  /** Hears of a mistake that the rest can be read in spite of; where absent, it is thrown. */
  readonly problem?: (error: CorefileError) => void
}

function isOpen(token: Lexeme): boolean {
  return token.text === '{'
}

function isClose(token: Lexeme): boolean {
  return token.text === '}'
}

function unmatchedBrace(at: Token, hint = ''): Error {
  return errorAt(at, `Unexpected '}' because no matching opening brace${hint}`)
}

/** What to do about a `}` behind a directive: it would close the server block. */
const ONE_DIRECTIVE_A_LINE =
  ": directives go one per line, and the server block's closing '}' on a line of its own"

function raise(error: CorefileError): never {
  throw error
}

class Parser {
  readonly #options: ParseOptions
  readonly #stream: TokenStream
  readonly #known: ReadonlySet<string>
  /** Told of what the rest can be read in spite of. */
  #report: (error: CorefileError) => void

  constructor(source: Source, options: ParseOptions) {
    this.#options = { ...options, warn: (message) => options.warn(printable(message)) }
    this.#report = options.problem ?? raise
    this.#stream = new TokenStream(source, this.#options)
    this.#known = new Set(options.directives)
  }

  file(): readonly ServerBlock[] {
    const blocks: ServerBlock[] = []
    for (;;) {
      const found = this.#keys()
      if (found.length === 0 && this.#stream.peek() === null) return blocks
      const keys = found.filter(({ text }) => text !== '}')
      const [key] = keys
      if (keys.length === 1 && key !== undefined && /^\([^]*\)$/.test(key.text)) {
        this.#snippet(key)
        continue
      }
      const start = this.#stream.last
      const surplus = found.find(({ text }) => text === '}')
      if (surplus !== undefined && key === undefined) {
        this.#surplusBrace(surplus)
        continue
      }
      if (surplus !== undefined) this.#warnAt(surplus, "'}' closes nothing: remove it")
      const directives = this.#body(key ?? start)
      if (keys.length > 0) blocks.push({ keys: exact(keys), directives })
      else this.#warnAt(start, 'Server block without a key is ignored')
    }
  }

  /** A `}` too many starts a block in CoreDNS, for a zone that no client asks for. */
  #surplusBrace(brace: Token): void {
    const report = this.#report
    this.#report = raise
    try {
      this.#body(brace)
    } catch (error) {
      // What follows is no directive, so the brace is what is wrong.
      throw error instanceof CorefileError ? unmatchedBrace(brace) : error
    } finally {
      this.#report = report
    }
    this.#warnAt(
      brace,
      "'}' closes nothing, and what follows it in that block is ignored: remove it",
    )
  }

  #warnAt({ file, line }: Token, text: string): void {
    this.#options.warn(`${file}:${line} - ${text}`)
  }

  /** The keys of a block: one line, or more where a key ends in a comma. */
  #keys(): readonly Token[] {
    const keys: Token[] = []
    let started = false
    let continued = false
    for (let token = this.#stream.peek(); token !== null; token = this.#stream.peek()) {
      if (isOpen(token)) {
        if (!continued) return keys
        throw errorAt(token, "Expected another address but had '{' - check for extra comma")
      }
      if (started && token.first && !continued) return keys
      if (token.first && token.text === 'import') {
        this.#stream.import(token)
        continue
      }
      const taken = this.#take(token)
      const { text } = taken
      started = true
      if (text === '') continue
      continued = text.endsWith(',')
      keys.push(continued ? withText(taken, text.slice(0, -1)) : taken)
    }
    if (continued) throw errorAt(this.#stream.last, 'Unexpected EOF')
    return keys
  }

  /** `(name) { … }`: the tokens in the braces, to be read where they are imported. */
  #snippet(key: Token): void {
    const name = key.text.slice(1, -1)
    if (this.#stream.isDefined(name)) {
      throw errorAt(key, `redeclaration of previously declared snippet ${name}`)
    }
    const open = this.#stream.peek()
    if (open === null || !isOpen(open)) throw syntaxError(open ?? this.#stream.last, '{')
    this.#stream.next(open)
    const body: Lexeme[] = []
    for (let depth = 1; ;) {
      const token = this.#stream.peek()
      if (token === null) throw syntaxError(this.#stream.last, '}')
      this.#stream.next(token)
      if (isOpen(token)) depth++
      else if (isClose(token)) depth--
      if (depth === 0) return this.#stream.define(name, body, token)
      body.push(body.length === 0 ? { ...token, first: true } : token)
    }
  }

  /** The directives of a block, in braces or, without them, up to the end of the file or a `}`. */
  #body(key: Token): ReadonlyMap<string, readonly Directive[]> {
    const directives = new Map<string, Directive[]>()
    const open = this.#stream.peek()
    const braced = open !== null && isOpen(open)
    if (braced) this.#stream.next(open)
    for (let token = this.#stream.peek(); token !== null; token = this.#stream.peek()) {
      if (isClose(token)) {
        this.#stream.next(token)
        if (!braced && key.text !== '}')
          this.#warnAt(token, `'}' ends a server block that no '{' begins: '${shown(key)}'`)
        return directives
      }
      if (token.text === 'import') {
        this.#stream.import(token)
        continue
      }
      const directive = this.#directive(token)
      if (directive === null) continue
      const others = directives.get(directive.name.text)
      if (others === undefined) directives.set(directive.name.text, [directive])
      else others.push(directive)
    }
    if (braced) this.#endOfFile(key)
    return directives
  }

  /** The file ends before the block does. To CoreDNS the brace of its last directive closes it as well. */
  #endOfFile(key: Token): void {
    const { last } = this.#stream
    if (last.text !== '}') throw this.#notClosed(key)
    this.#warnAt(last, `a '}' is missing here: the server block of line ${key.line} is not closed`)
  }

  /** CoreDNS's words, and the block they are about. */
  #notClosed(key: Token): Error {
    const block = `: the server block of line ${key.line} is not closed`
    return syntaxError(this.#stream.last, '}', block)
  }

  /** Null for one that does not exist, once that has been told. */
  #directive(start: Lexeme): Directive | null {
    const name = this.#take(start)
    const known = this.#known.has(name.text)
    if (!known) this.#report(this.#unknown(name))
    const args: Token[] = []
    let options: readonly Option[] | null = null
    for (let token = this.#sameLine(); token !== null; token = this.#sameLine()) {
      if (isOpen(token)) {
        options = this.#optionLines(token)
        break
      }
      if (isClose(token)) throw unmatchedBrace(token, ONE_DIRECTIVE_A_LINE)
      args.push(this.#take(token))
    }
    options ??= this.#optionsBelow(name)
    if (!known) return null
    // Its plugin may quote an option in an error about the directive as a whole.
    const hides = options?.some((option) => option.name.hidden === true) === true
    return { name: hides ? { ...name, hidden: true } : name, args: exact(args), options }
  }

  /** Options whose `{` stands below: CoreDNS makes names of those of `log`, and refuses most others. */
  #optionsBelow(name: Token): readonly Option[] | null {
    const token = this.#stream.peek()
    if (token === null || !isOpen(token)) return null
    this.#warnAt(token, `'{' belongs on the line of its directive '${shown(name)}'`)
    return this.#optionLines(token)
  }

  #unknown(name: Token): CorefileError {
    const hint = hintFor(name.text, this.#options.directives)
    return errorAt(name, `Unknown directive '${name.text}'${hint}`)
  }

  /** The lines between a directive's braces. The first may stand beside the opening brace. */
  #optionLines(open: Lexeme): readonly Option[] {
    this.#stream.next(open)
    const options: Option[] = []
    for (let token = this.#stream.peek(); token !== null; token = this.#stream.peek()) {
      if (isClose(token)) {
        this.#stream.next(token)
        this.#endOfLine()
        return exact(options)
      }
      if (isOpen(token)) throw argumentError(token)
      if (token.text === 'import') {
        this.#stream.import(token)
        continue
      }
      options.push(this.#optionLine(token))
    }
    throw errorAt(this.#stream.last, 'Unexpected EOF')
  }

  #optionLine(start: Lexeme): Option {
    const name = this.#take(start)
    const args: Token[] = []
    for (let token = this.#sameLine(); token !== null; token = this.#sameLine()) {
      if (isOpen(token)) throw argumentError(token)
      // Left for #optionLines(): whether the line may end so is for the option to say.
      if (isClose(token)) return { name, args: exact(args), close: plain(token) }
      args.push(this.#take(token))
    }
    return { name, args: exact(args) }
  }

  #endOfLine(): void {
    const token = this.#sameLine()
    if (token === null) return
    if (isClose(token)) throw unmatchedBrace(token, ONE_DIRECTIVE_A_LINE)
    throw syntaxError(token, 'end of line')
  }

  #sameLine(): Lexeme | null {
    const token = this.#stream.peek()
    return token === null || token.first ? null : token
  }

  #take(lexeme: Lexeme): Token {
    return withText(this.#stream.next(lexeme), this.#stream.expand(lexeme))
  }
}

function plain(lexeme: Lexeme): Token {
  return withText(lexeme, lexeme.text)
}

/**
 * Reads a Corefile: tokens, imports and environment variables resolved, grouped by server block.
 * A text without any block gives an empty list. Throws CorefileError on anything CoreDNS would
 * refuse, and on input that does not come to an end (looping imports or variables).
 */
export function parse(source: Source, options: ParseOptions): readonly ServerBlock[] {
  return new Parser(source, options).file()
}
