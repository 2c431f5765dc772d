import { quote } from '../../../corefile/go-quote.ts'
import { lex } from './lex.ts'
import { TemplateError, type Token, type TokenType } from './token.ts'

/** Parentheses and blocks inside one another, at most: the parser goes as deep. */
const MAX_DEPTH = 200

/** A template's tokens, and where the parser is in them. */
export class Cursor {
  protected readonly name: string
  protected readonly source: string
  protected next = 0
  protected actionLine = 0
  readonly #tokens: readonly Token[]
  #depth = 0

  constructor(name: string, source: string) {
    this.name = name
    this.source = source
    this.#tokens = lex(source)
  }

  protected peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.next + ahead, this.#tokens.length - 1)]!
  }

  protected take(): Token {
    const token = this.peek()
    this.next++
    return token
  }

  protected skipSpace(): Token {
    if (this.peek().type === 'space') this.next++
    return this.peek()
  }

  protected takeNonSpace(): Token {
    this.skipSpace()
    return this.take()
  }

  protected isKeyword(word: string, from = 0): boolean {
    const token = this.peek(from)
    const after = token.type === 'space' ? this.peek(from + 1) : token
    return after.type === 'keyword' && after.text === word
  }

  protected expect(type: TokenType, context: string): Token {
    const token = this.takeNonSpace()
    return token.type === type ? token : this.unexpected(token, context)
  }

  protected fail(problem: string): never {
    const { line } = this.#tokens[Math.max(Math.min(this.next, this.#tokens.length) - 1, 0)]!
    throw new TemplateError(`template: ${this.name}:${line}: ${problem}`)
  }

  protected unexpected(token: Token, context: string): never {
    if (token.type !== 'error') this.fail(`unexpected ${tokenText(token)} in ${context}`)
    let extra = ''
    if (this.actionLine !== 0 && this.actionLine !== token.line) {
      const started = ` started at ${this.name}:${this.actionLine}`
      extra = token.text.endsWith(' action') ? started : ` in action${started}`
    }
    this.fail(`${token.text}${extra}`)
  }

  protected deeper<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) this.fail(`more than ${MAX_DEPTH} levels of nesting`)
    const value = read()
    this.#depth--
    return value
  }
}

/** A token as Go's messages show it. */
function tokenText({ type, text }: Token): string {
  if (type === 'end') return 'EOF'
  if (type === 'keyword' || type === 'dot') return `<${text}>`
  const characters = Array.from(text)
  return characters.length > 10 ? `${quote(characters.slice(0, 10).join(''))}...` : quote(text)
}
