import { Mistake } from './error.ts'
import { unescape } from './unescape.ts'

export type TokenKind = 'Identifier' | 'Number' | 'String' | 'Operator' | 'Bracket' | 'EOF'

export interface Token {
  readonly kind: TokenKind
  readonly value: string
  /** Index of its first character in the expression. */
  readonly at: number
}

/** A token as errors quote it. */
export function describeToken({ kind, value }: Token): string {
  return value === '' ? kind : `${kind}(${JSON.stringify(value)})`
}

const wordOperators: ReadonlySet<string> = new Set(
  'not in or and matches contains startsWith endsWith let if else'.split(' '),
)
const isSpace = (c: string): boolean => /\s/u.test(c)
const isWord = (c: string): boolean => /[\p{L}\p{Nd}_$]/u.test(c)
const isDigit = (c: string): boolean => c >= '0' && c <= '9'

/** Splits an expression into tokens, the last of which is EOF. Throws Mistake. */
export function lex(text: string): readonly Token[] {
  return new Lexer(text).run()
}

class Lexer {
  /** Characters, not UTF-16 units: positions are counted in them. */
  readonly #chars: readonly string[]
  readonly #tokens: Token[] = []
  #at = 0

  constructor(text: string) {
    this.#chars = Array.from(text)
  }

  run(): readonly Token[] {
    while (this.#at < this.#chars.length) this.#next()
    this.#tokens.push({ kind: 'EOF', value: '', at: Math.max(0, this.#at - 1) })
    return this.#tokens
  }

  #peek(ahead: number = 0): string {
    return this.#chars[this.#at + ahead] ?? ''
  }

  #next(): void {
    const c = this.#peek()
    const second = this.#peek(1)
    if (isSpace(c)) this.#at++
    else if (c === "'" || c === '"') this.#string(c)
    else if (c === '`') this.#rawString()
    else if (/[bB]/.test(c) && /['"]/.test(second)) {
      throw new Mistake('bytes literals are not supported', this.#at)
    } else if (isDigit(c) || (c === '.' && isDigit(second))) this.#number()
    else if (c === '/' && second === '/') this.#lineComment()
    else if (c === '/' && second === '*') this.#blockComment()
    else if ('([{)]}'.includes(c)) this.#emit('Bracket', 1)
    else if (isWord(c)) this.#word()
    else this.#operator(c, second)
  }

  #operator(c: string, second: string): void {
    if ('?|:.#&!=*<>'.includes(c) && second !== '' && seconds[c]!.includes(second)) {
      this.#emit('Operator', 2)
    } else if ('?|:.#&!=*<>/,;%+-^'.includes(c)) this.#emit('Operator', 1)
    else {
      const code = c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
      throw new Mistake(`unrecognized character: U+${code} '${c}'`, this.#at)
    }
  }

  #emit(kind: TokenKind, size: number): void {
    const value = this.#chars.slice(this.#at, this.#at + size).join('')
    this.#tokens.push({ kind, value, at: this.#at })
    this.#at += size
  }

  #word(): void {
    let size = 1
    while (isWord(this.#peek(size))) size++
    const word = this.#chars.slice(this.#at, this.#at + size).join('')
    this.#emit(wordOperators.has(word) ? 'Operator' : 'Identifier', size)
  }

  #number(): void {
    const rest = this.#chars.slice(this.#at, this.#at + MAX_NUMBER).join('')
    const [found] =
      /^0[xX][\da-fA-F_]*|^0[oO][0-7_]*|^0[bB][01_]*|^[\d_]*(?:\.(?!\.)[\d_]*)?(?:[eE][+-]?[\d_]*)?/.exec(
        rest,
      )!
    if (isWord(this.#peek(found.length))) {
      const quoted = JSON.stringify(found + this.#peek(found.length))
      throw new Mistake(`bad number syntax: ${quoted}`, this.#at + found.length)
    }
    this.#emit('Number', found.length)
  }

  #string(quote: string): void {
    const start = this.#at
    for (this.#at++; this.#peek() !== quote; this.#at++) {
      if (this.#peek() === '' || this.#peek() === '\n') {
        throw new Mistake('literal not terminated', this.#at)
      }
      if (this.#peek() === '\\') this.#at++
    }
    const value = unescape(this.#chars.slice(start + 1, this.#at), start + 1)
    this.#at++
    this.#tokens.push({ kind: 'String', value, at: start })
  }

  /** Between backticks nothing is special but two of them, which mean one. */
  #rawString(): void {
    const start = this.#at
    let value = ''
    for (this.#at++; ; this.#at++) {
      const c = this.#peek()
      if (c === '') throw new Mistake('literal not terminated', this.#at)
      if (c === '`' && this.#peek(1) !== '`') break
      if (c === '`') this.#at++
      value += c
    }
    this.#at++
    this.#tokens.push({ kind: 'String', value, at: start })
  }

  #lineComment(): void {
    while (this.#peek() !== '' && this.#peek() !== '\n') this.#at++
  }

  #blockComment(): void {
    for (this.#at += 2; this.#peek() !== '*' || this.#peek(1) !== '/'; this.#at++) {
      if (this.#peek() === '') throw new Mistake('unclosed comment', this.#at)
    }
    this.#at += 2
  }
}

/** Longer ones are no numbers that anybody writes. */
const MAX_NUMBER = 400

/** What may follow an operator's first character. */
const seconds: Readonly<Record<string, string>> = {
  '?': '.?',
  '|': '|',
  ':': ':',
  '.': '.',
  '#': '#',
  '&': '&=*',
  '!': '&=*',
  '=': '&=*',
  '*': '&=*',
  '<': '&=*',
  '>': '&=*',
}
