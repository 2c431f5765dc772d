import { quote } from '../../../corefile/go-quote.ts'
import type { Token, TokenType } from './token.ts'

const KEYWORDS: ReadonlySet<string> = new Set(
  'block break continue define else end if range nil template with'.split(' '),
)

const LETTER = String.raw`[\p{L}\p{Nd}_]`
/** What may follow a name, a field or a variable. */
const TERMINATOR = /[ \t\r\n.,|:()]|\}\}|$/y
/** Tokens inside an action that one pattern tells. */
const PATTERNS: readonly (readonly [TokenType, RegExp])[] = [
  ['space', /[ \t\r\n]+/y],
  [':=', /:=/y],
  ['=', /=/y],
  ['|', /\|/y],
  ['variable', new RegExp(String.raw`\$${LETTER}*`, 'uy')],
  ['field', new RegExp(String.raw`\.(?!\d)${LETTER}+`, 'uy')],
  ['dot', /\.(?!\d)/y],
  ['number', /[-+.\d]/y],
  ['name', new RegExp(`${LETTER}+`, 'uy')],
]
/** Types that need a terminator behind them. */
const WORDS: ReadonlySet<TokenType> = new Set<TokenType>(['variable', 'field', 'dot', 'name'])
const NUMBER =
  /[-+]?(?:0[xX][\da-fA-F_]*\.?[\da-fA-F_]*(?:[pP][-+]?[\d_]*)?|0[oObB][\d_]*\.?[\d_]*|[\d_]*\.?[\d_]*(?:[eE][-+]?[\d_]*)?)i?/y
const ALNUM = new RegExp(LETTER, 'uy')
const QUOTED: Readonly<Record<string, readonly [TokenType, RegExp, string]>> = {
  '"': ['string', /"(?:[^"\\\n]|\\[^\n])*"/y, 'unterminated quoted string'],
  "'": ['char', /'(?:[^'\\\n]|\\[^\n])*'/y, 'unterminated character constant'],
  '`': ['raw', /`[^`]*`/y, 'unterminated raw quoted string'],
}

/**
 * Cuts a template into tokens: its text with trim markers applied, and what its actions hold. An error is
 * the last token: the parser meets it where it stands.
 */
export function lex(source: string): readonly Token[] {
  return new Lexer(source).all()
}

class Lexer {
  readonly #source: string
  readonly #tokens: Token[] = []
  #at = 0
  #line = 1
  #lineAt = 0
  #parens = 0

  constructor(source: string) {
    this.#source = source
  }

  all(): readonly Token[] {
    for (;;) {
      const open = this.#source.indexOf('{{', this.#at)
      if (open < 0) {
        this.#text(this.#source.length)
        this.#add('end', '', this.#source.length)
        return this.#tokens
      }
      const trims = /-[ \t\r\n]/.test(this.#source.slice(open + 2, open + 4))
      this.#text(open, trims)
      this.#at = open
      if (!this.#comment(open, trims) && !this.#action(trims)) return this.#tokens
      if (this.#tokens.at(-1)?.type === 'error') return this.#tokens
    }
  }

  /** What stands before `end`, unless it is empty. */
  #text(end: number, trims = false): void {
    const text = this.#source.slice(this.#at, end)
    const kept = trims ? text.replace(/[ \t\r\n]+$/, '') : text
    if (kept !== '') this.#add('text', kept, this.#at)
  }

  #comment(open: number, trims: boolean): boolean {
    const start = open + (trims ? 4 : 2)
    if (!this.#source.startsWith('/*', start)) return false
    const end = this.#source.indexOf('*/', start + 2)
    if (end < 0) {
      this.#add('error', 'unclosed comment', start)
      return true
    }
    const close = /(?:[ \t\r\n]-\}\}[ \t\r\n]*|\}\})/y
    if (!this.#match(close, end + 2)) {
      this.#add('error', 'comment ends before closing delimiter', start)
    } else this.#at = close.lastIndex
    return true
  }

  /** The tokens up to the delimiter that closes the action; false after an error. */
  #action(trims: boolean): boolean {
    this.#add('open', '{{', this.#at)
    this.#at += trims ? 3 : 2
    this.#parens = 0
    const close = /(?:[ \t\r\n]-\}\}[ \t\r\n]*|\}\})/y
    for (;;) {
      if (this.#match(close, this.#at)) {
        if (this.#parens > 0) return this.#fail('unclosed left paren')
        this.#add('close', '}}', this.#at)
        this.#at = close.lastIndex
        return true
      }
      if (this.#at >= this.#source.length) return this.#fail('unclosed action')
      if (!this.#inside()) return false
    }
  }

  /** One token inside an action. */
  #inside(): boolean {
    const c = this.#source[this.#at] ?? ''
    const quoted = QUOTED[c]
    if (quoted !== undefined) {
      const [type, pattern, problem] = quoted
      return this.#match(pattern, this.#at)
        ? this.#take(type, pattern.lastIndex)
        : this.#fail(problem)
    }
    if (c === '(' || c === ')') return this.#paren(c)
    for (const [type, pattern] of PATTERNS) {
      if (!this.#match(pattern, this.#at)) continue
      if (type === 'number') return this.#number()
      let end = pattern.lastIndex
      // A space belongs to a trim marker behind it.
      if (type === 'space' && this.#source.startsWith('-}}', end) && end - this.#at > 1) end--
      return WORDS.has(type) ? this.#word(type, end) : this.#take(type, end)
    }
    if (c === ':') return this.#fail('expected :=')
    if (c > ' ' && c < '\x7f') return this.#take('other', this.#at + 1)
    return this.#fail(`unrecognized character in action: ${codePoint(this.#source, this.#at)}`)
  }

  #word(type: TokenType, end: number): boolean {
    if (!this.#match(TERMINATOR, end))
      return this.#fail(`bad character ${codePoint(this.#source, end)}`)
    const text = this.#source.slice(this.#at, end)
    if (type !== 'name') return this.#take(type, end)
    if (KEYWORDS.has(text)) return this.#take('keyword', end)
    return this.#take(text === 'true' || text === 'false' ? 'bool' : 'name', end)
  }

  #number(): boolean {
    this.#match(NUMBER, this.#at)
    const end = NUMBER.lastIndex
    if (!this.#match(ALNUM, end) && !/[-+]/.test(this.#source[end] ?? '')) {
      return this.#take('number', end)
    }
    return this.#fail(`bad number syntax: ${quote(this.#source.slice(this.#at, end + 1))}`)
  }

  #paren(c: '(' | ')'): boolean {
    this.#parens += c === '(' ? 1 : -1
    return this.#parens < 0 ? this.#fail('unexpected right paren') : this.#take(c, this.#at + 1)
  }

  #match(pattern: RegExp, at: number): boolean {
    pattern.lastIndex = at
    return pattern.test(this.#source)
  }

  #take(type: TokenType, end: number): true {
    this.#add(type, this.#source.slice(this.#at, end), this.#at)
    this.#at = end
    return true
  }

  #fail(problem: string): false {
    this.#add('error', problem, this.#at)
    return false
  }

  #add(type: TokenType, text: string, at: number): void {
    for (; this.#lineAt < at; this.#lineAt++) if (this.#source[this.#lineAt] === '\n') this.#line++
    this.#tokens.push({ type, text, at, line: this.#line })
  }
}

/** A character as Go's `%#U` prints it: U+0023 '#'; 'U+FFFFFFFFFFFFFFFF' at the end of the text. */
function codePoint(text: string, at: number): string {
  const code = text.codePointAt(at)
  if (code === undefined) return 'U+FFFFFFFFFFFFFFFF'
  const shown = /[\p{C}\p{Zl}\p{Zp}]/u.test(String.fromCodePoint(code))
    ? ''
    : ` '${String.fromCodePoint(code)}'`
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}${shown}`
}
