import { Mistake } from './error.ts'
import { describeToken, lex, type Token, type TokenKind } from './lexer.ts'

/** Nodes of one expression, as in expr-lang. */
const MAX_NODES = 10_000
/** Expressions inside one another: a parser of recursive functions has a stack. */
const MAX_DEPTH = 200

/** The tokens of an expression, read one by one. */
export class Tokens {
  readonly #tokens: readonly Token[]
  #next = 0
  #nodes = 0
  #depth = 0
  current: Token

  constructor(text: string) {
    this.#tokens = lex(text)
    this.current = this.#tokens[0]!
  }

  /** The current token; the one after it becomes current. The last one, EOF, stays. */
  take(): Token {
    const token = this.current
    this.#next = Math.min(this.#next + 1, this.#tokens.length - 1)
    this.current = this.#tokens[this.#next]!
    return token
  }

  /** The token after the current one. */
  get following(): Token {
    return this.#tokens[Math.min(this.#next + 1, this.#tokens.length - 1)]!
  }

  is(kind: TokenKind, value?: string): boolean {
    return this.current.kind === kind && (value === undefined || this.current.value === value)
  }

  /** Takes the current token where it is this one. */
  accept(kind: TokenKind, value: string): boolean {
    if (!this.is(kind, value)) return false
    this.take()
    return true
  }

  expect(kind: TokenKind, value?: string): Token {
    return this.is(kind, value) ? this.take() : this.unexpected()
  }

  unexpected(token: Token = this.current): never {
    throw new Mistake(`unexpected token ${describeToken(token)}`, token.at)
  }

  /** Counts a node. */
  count<T>(node: T): T {
    if (++this.#nodes > MAX_NODES) {
      throw new Mistake(
        'compilation failed: expression exceeds maximum allowed nodes',
        this.current.at,
      )
    }
    return node
  }

  /** Reads what lies one level deeper. */
  within<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) {
      throw new Mistake('expression is nested too deeply', this.current.at)
    }
    const value = read()
    this.#depth--
    return value
  }
}
