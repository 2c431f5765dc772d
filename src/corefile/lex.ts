import type { Lexeme, Source } from './token.ts'

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
const QUOTE = 0x22
const HASH = 0x23
const BACKSLASH = 0x5c

/** Unicode's White_Space property: JavaScript's `\s` lacks U+0085 and has U+FEFF. */
function isSpace(c: number): boolean {
  if (c < 0x80) return c === 0x20 || (c >= 0x09 && c <= CARRIAGE_RETURN)
  return (
    c === 0x85 ||
    c === 0xa0 ||
    c === 0x1680 ||
    (c >= 0x2000 && c <= 0x200a) ||
    c === 0x2028 ||
    c === 0x2029 ||
    c === 0x202f ||
    c === 0x205f ||
    c === 0x3000
  )
}

interface Span {
  readonly text: string
  /** Index behind the token. */
  readonly end: number
}

interface Word extends Span {
  /** True where a `#` dropped the rest of the word. */
  readonly cut: boolean
}

/** A quoted token: `\"` is the one escape; every other backslash is kept. */
function quotedAt(text: string, start: number): Span & { readonly closed: boolean } {
  let value = ''
  let from = start + 1
  for (let at = from; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c === QUOTE) return { text: value + text.slice(from, at), end: at + 1, closed: true }
    if (c !== BACKSLASH) continue
    at++
    if (text.charCodeAt(at) === QUOTE) {
      value += text.slice(from, at - 1)
      from = at
    }
  }
  return { text: value + text.slice(from), end: text.length, closed: false }
}

/**
 * A bare word: up to white space; a carriage return is dropped and does not separate. A `#` inside drops
 * the rest of the word and, as in CoreDNS, nothing of what follows it on the line.
 */
function wordAt(text: string, start: number): Word {
  let end = start
  let hash = -1
  for (; end < text.length; end++) {
    const c = text.charCodeAt(end)
    if (isSpace(c) && c !== CARRIAGE_RETURN) break
    if (c === HASH && hash < 0) hash = end
  }
  const kept = text.slice(start, hash < 0 ? end : hash)
  return { text: kept.replaceAll('\r', ''), end, cut: hash >= 0 }
}

function lineEnd(text: string, start: number): number {
  const end = text.indexOf('\n', start)
  return end < 0 ? text.length : end
}

function countNewlines(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}

/** Whether a token is one, in quotes or not: for CoreDNS quotes only hold a token together. */
function isBrace(text: string): boolean {
  return text === '{' || text === '}'
}

/**
 * Cuts a Corefile into tokens. Every text is accepted; `warn` hears of a `#` inside a word, of a brace in quotes,
 * and of a quote that is never closed. Linear in the length of the text, which is read as far as `most` tokens.
 */
export function lex(
  source: Source,
  warn: (message: string) => void,
  most: number = Infinity,
): readonly Lexeme[] {
  const text = source.text.startsWith('\uFEFF') ? source.text.slice(1) : source.text
  const tokens: Lexeme[] = []
  let line = 1
  let lastLine = 0
  const push = (value: string): void => {
    tokens.push({ text: value, file: source.file, line, first: line > lastLine })
  }
  for (let at = 0; at < text.length && tokens.length < most;) {
    const c = text.charCodeAt(at)
    if (c === HASH) {
      at = lineEnd(text, at)
    } else if (isSpace(c)) {
      if (c === NEWLINE) line++
      at++
    } else if (c === QUOTE) {
      const quoted = quotedAt(text, at)
      if (!quoted.closed) warn(`${source.file}:${line} - Quote is never closed`)
      if (quoted.closed || quoted.text !== '') push(quoted.text)
      if (isBrace(quoted.text)) {
        warn(`${source.file}:${line} - '${quoted.text}' is a brace in quotes, too`)
      }
      line += countNewlines(quoted.text)
      lastLine = line
      at = quoted.end
    } else {
      const word = wordAt(text, at)
      push(word.text)
      lastLine = line
      at = word.end
      // Compatible with CoreDNS, and rarely what the author wanted.
      if (word.cut) {
        warn(
          `${source.file}:${line} - '#' right after '${word.text}' drops the rest of that word alone: ` +
            'put a space before it for a comment, or quotes around the word',
        )
      }
    }
  }
  return tokens
}
