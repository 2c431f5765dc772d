/** A word of a record's text, escapes as they are written. */
export interface Word {
  readonly text: string
  readonly quoted: boolean
}

const WORD = /[ \t\r]+|;[^\n]*|\n|[()]|"(?:[^"\\]|\\[^])*"|(?:[^ \t\r\n;()"\\]|\\[^])+/y

/**
 * The words of the first record in a text of zone-file syntax (RFC 1035 §5.1): it ends with its line,
 * unless parentheses go on. A line that begins with a blank has no owner: here that is the root. A string
 * instead is what is wrong.
 */
export function recordWords(text: string): readonly Word[] | string {
  const words: Word[] = []
  let depth = 0
  let isBlank = false
  const push = (word: string, quoted: boolean): void => {
    if (words.length === 0 && isBlank) words.push({ text: '.', quoted: false })
    words.push({ text: word, quoted })
  }
  WORD.lastIndex = 0
  while (WORD.lastIndex < text.length) {
    const found = WORD.exec(text)
    if (found === null) return 'quote or escape that does not end'
    const [word] = found
    const first = word[0]
    if (word === '(') depth++
    else if (word === ')') {
      if (--depth < 0) return 'extra closing brace'
    } else if (word === '\n') {
      if (depth === 0 && words.length > 0) return words
      isBlank = false
    } else if (first === '"') push(word.slice(1, -1), true)
    else if (first === ' ' || first === '\t' || first === '\r') isBlank ||= depth === 0
    else if (first !== ';') push(word, false)
  }
  return depth > 0 ? 'unbalanced brace' : words
}

/** The octets of a word: `\DDD` and `\X` undone (RFC 1035 §5.1), UTF-8 as it is; null where it is broken. */
export function wordOctets(text: string): Uint8Array | null {
  if (!text.includes('\\')) return Buffer.from(text)
  const parts: Uint8Array[] = []
  const escape = /\\(?:(\d{3})|([^\d]))|([^\\]+)/suy
  while (escape.lastIndex < text.length) {
    const found = escape.exec(text)
    if (found === null) return null
    const [, decimal, char, plain] = found
    if (decimal === undefined) parts.push(Buffer.from(char ?? plain ?? ''))
    else if (Number(decimal) > 255) return null
    else parts.push(Uint8Array.of(Number(decimal)))
  }
  return Buffer.concat(parts)
}
