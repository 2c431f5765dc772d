import { dirname, isAbsolute, resolve } from 'node:path'
import { argumentError, errorAt } from './error.ts'
import { type Environment, expandEnvironment } from './expand.ts'
import { type FileSystem, MAX_FILE_BYTES } from './files.ts'
import { hasWildcard, isGlob } from './glob.ts'
import { lex } from './lex.ts'
import { hintFor } from './nearest.ts'
import { type Lexeme, shown, type Source, type Token } from './token.ts'

const MAX_SNIPPET_IMPORTS = 10_000
const MAX_FILE_IMPORTS = 100_000
/** Bounds time and memory: tokens of all files together, and tokens after imports. */
const MAX_TOKENS = 1_000_000

/** What the parser lends to the stream. */
export interface StreamOptions {
  readonly env: Environment
  readonly files: FileSystem
  readonly warn: (message: string) => void
  /** Every directive name that is no typing mistake: by them a file is known for a Corefile. */
  readonly directives: readonly string[]
  /** Folders that relative imports of the main file are looked for in; where absent, its own. */
  readonly importFrom?: readonly string[]
  /** Tokens there is memory for; a million at most, as where absent. */
  readonly maxTokens?: number
}

/** Lines of an imported file that tell whether it is a Corefile. */
const TELLING_LINES = 3

interface Frame {
  readonly tokens: readonly Lexeme[]
  at: number
}

function snippetLimit(): string {
  return `maximum snippet import depth (${MAX_SNIPPET_IMPORTS}) exceeded`
}

/** True for an `import` keyword: the first word of a line. */
function isImport(token: Lexeme): boolean {
  return token.first && token.text === 'import'
}

/**
 * The tokens of a Corefile with its imports spliced in: a stack of texts being read. What is
 * imported is read as if it stood in place of the import, so it may hold any part of a Corefile.
 *
 *     main: . { import common | errors }
 *                     └─ common: cache 30 | log        ← read first, then back to `errors`
 */
export class TokenStream {
  readonly #options: StreamOptions
  readonly #main: string
  readonly #frames: Frame[]
  readonly #snippets = new Map<string, readonly Lexeme[]>()
  /** Tokens by absolute pattern, so that a loop of imports costs look-ups, not file reads. */
  readonly #imported = new Map<string, readonly Lexeme[]>()
  readonly #maxTokens: number
  #snippetImports = 0
  #fileImports = 0
  #lexed = 0
  #count = 0
  #last: Lexeme

  constructor(source: Source, options: StreamOptions) {
    this.#options = options
    this.#maxTokens = Math.min(MAX_TOKENS, options.maxTokens ?? MAX_TOKENS)
    this.#main = source.file
    this.#last = { text: '', file: source.file, line: 1, first: true }
    if (source.text.length > MAX_FILE_BYTES) {
      throw errorAt(this.#last, `file is larger than ${MAX_FILE_BYTES} bytes`)
    }
    this.#frames = [{ tokens: this.#lex(this.#last, source), at: 0 }]
  }

  /** The token read last; before any, the start of the main file. */
  get last(): Lexeme {
    return this.#last
  }

  /** The next token, left in place; null at the end of the input. */
  peek(): Lexeme | null {
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      const token = frame.tokens[frame.at]
      if (token !== undefined) return token
      this.#frames.pop()
    }
    return null
  }

  /** Takes the token that peek() showed. Throws CorefileError where it is one too many. */
  next(token: Lexeme): Lexeme {
    const frame = this.#frames.at(-1)
    if (frame !== undefined) frame.at++
    this.#last = token
    if (++this.#count > this.#maxTokens) throw this.#tooMany(token)
    return token
  }

  /** A token's text with its environment variables; one that is not set is warned of. */
  expand(token: Token): string {
    const { env, warn } = this.#options
    return expandEnvironment(token, env, (reference) =>
      warn(
        `${token.file}:${token.line} - ${shown({ ...token, text: reference })} is not set: it stands for nothing`,
      ),
    )
  }

  /** Keeps a snippet's body; `at` is the token errors are reported at. */
  define(name: string, body: readonly Lexeme[], at: Lexeme): void {
    body.forEach((token, index) => {
      const target = body[index + 1]
      if (!isImport(token) || target === undefined) return
      if (expandEnvironment(target, this.#options.env) === name) throw errorAt(at, snippetLimit())
    })
    this.#snippets.set(name, body)
  }

  isDefined(snippet: string): boolean {
    return this.#snippets.has(snippet)
  }

  /** Replaces the `import` keyword that peek() showed, and its argument, by what they name. */
  import(keyword: Lexeme): void {
    this.next(keyword)
    const target = this.#onSameLine()
    if (target === null) throw argumentError(keyword)
    this.next(target)
    const pattern = this.expand(target)
    if (pattern === '') throw errorAt(target, 'Import requires a non-empty filepath')
    const surplus = this.#onSameLine()
    if (surplus !== null) {
      throw errorAt(surplus, 'Import takes only one argument (glob pattern or file)')
    }
    const snippet = this.#snippets.get(pattern)
    if (snippet !== undefined) {
      if (++this.#snippetImports > MAX_SNIPPET_IMPORTS) throw errorAt(target, snippetLimit())
      this.#frames.push({ tokens: snippet, at: 0 })
    } else {
      if (++this.#fileImports > MAX_FILE_IMPORTS) {
        throw errorAt(target, `maximum file import depth (${MAX_FILE_IMPORTS}) exceeded`)
      }
      this.#frames.push({ tokens: this.#filesOf(target, pattern), at: 0 })
    }
  }

  #onSameLine(): Lexeme | null {
    const frame = this.#frames.at(-1)
    const token = frame?.tokens[frame.at]
    return token === undefined || token.first ? null : token
  }

  #filesOf(at: Lexeme, pattern: string): readonly Lexeme[] {
    const path = this.#place(at, pattern)
    let tokens = this.#imported.get(path)
    if (tokens === undefined) {
      tokens = this.#match(at, pattern, path).flatMap((file) => this.#read(at, file))
      this.#imported.set(path, tokens)
    }
    return tokens
  }

  /** The absolute pattern: relative to the file that holds the import, whatever the working directory. */
  #place(at: Lexeme, pattern: string): string {
    if (isAbsolute(pattern)) return pattern
    const { importFrom = [], files } = this.#options
    const own = resolve(dirname(resolve(at.file)), pattern)
    if (at.file !== this.#main || importFrom.length === 0) return own
    const places = importFrom.map((folder) => resolve(folder, pattern))
    return places.find((path) => isGlob(path) && files.glob(path).length > 0) ?? places[0] ?? own
  }

  #match(at: Lexeme, pattern: string, path: string): readonly string[] {
    const wildcards = (sign: string): number => path.split(sign).length - 1
    if (wildcards('*') > 1 || wildcards('?') > 1 || (path.includes('[') && path.includes(']'))) {
      const rule = 'Glob pattern may only contain one wildcard (*), but has others'
      throw errorAt(at, `${rule}: ${path}`)
    }
    if (!isGlob(path)) {
      throw errorAt(at, `Failed to use import pattern ${pattern}: syntax error in pattern`)
    }
    const matches = this.#options.files.glob(path)
    if (matches.length === 0) {
      if (!hasWildcard(path)) {
        const hint = hintFor(pattern, [...this.#snippets.keys()])
        throw errorAt(at, `File to import not found: ${pattern}${hint}`)
      }
      this.#options.warn(
        `No files matching import glob pattern: ${shown({ ...at, text: pattern })}`,
      )
    }
    return matches
  }

  #read(at: Lexeme, file: string): readonly Lexeme[] {
    let text: string
    try {
      text = this.#options.files.read(file)
    } catch (error) {
      throw errorAt(at, `Could not import ${file}: ${(error as Error).message}`)
    }
    const warnings: string[] = []
    const tokens = this.#lex(at, { file, text }, (message) => void warnings.push(message))
    const isCorefile = this.#beginsLikeCorefile(tokens)
    for (const warning of warnings)
      this.#options.warn(
        isCorefile ? warning : `${file} - Words in this file are probably not what is meant`,
      )
    return isCorefile ? tokens : tokens.map((token) => ({ ...token, hidden: true }))
  }

  /**
   * Whether one of the first three lines begins with a directive: a list of directives, a snippet or a
   * server block, even with a mistake in it. Of anything else no message quotes a word, or whoever may
   * edit a Corefile could read any file of the node in the log.
   */
  #beginsLikeCorefile(tokens: readonly Lexeme[]): boolean {
    return tokens
      .filter(({ first }) => first)
      .slice(0, TELLING_LINES)
      .some((token) => isImport(token) || this.#options.directives.includes(token.text))
  }

  #lex(at: Lexeme, source: Source, warn = this.#options.warn): readonly Lexeme[] {
    const tokens = lex(source, warn, this.#maxTokens - this.#lexed + 1)
    this.#lexed += tokens.length
    if (this.#lexed > this.#maxTokens) throw this.#tooMany(at)
    return tokens
  }

  #tooMany(at: Lexeme): Error {
    const why = this.#maxTokens < MAX_TOKENS ? ': the memory limit has no room for them' : ''
    return errorAt(at, `more than ${this.#maxTokens} tokens${why}`)
  }
}
