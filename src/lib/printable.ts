const PLAIN = /^[ -~]*$/
/** What terminals obey, and what turns, hides or breaks the text around it. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const NAMED: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

/**
 * A text that others may have written, fit for a terminal and for one line of a log: control characters
 * (C0, DEL, C1), line and paragraph separators, invisible format characters and lone surrogates are
 * spelt as JavaScript and Go spell them. What is printable stays, so that twice is once.
 */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNPRINTABLE, spell)
}

/**
 * The same for a text of several lines, such as a stack: a line that is indented goes on with the one
 * before it, any other would look like an entry of its own.
 */
export function printableEntry(text: string): string {
  return PLAIN.test(text)
    ? text
    : text
        .split(/\n(?=[ \t])/)
        .map(withTabs)
        .join('\n')
}

/** A line of JSON, its final newline included: the same characters, as JSON's own escapes. */
export function printableJson(line: string): string {
  const end = line.endsWith('\n') ? line.length - 1 : line.length
  if (PLAIN.test(line.slice(0, end))) return line
  return line.slice(0, end).replace(UNPRINTABLE, units) + line.slice(end)
}

function withTabs(line: string): string {
  return line.split('\t').map(printable).join('\t')
}

function spell(c: string): string {
  const named = NAMED.get(c)
  if (named !== undefined) return named
  return c < '\x80' ? `\\x${hex(c.charCodeAt(0), 2)}` : units(c)
}

function units(c: string): string {
  return Array.from({ length: c.length }, (_, i) => `\\u${hex(c.charCodeAt(i), 4)}`).join('')
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
