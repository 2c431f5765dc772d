import type { Query } from '../../serve/query.ts'
import { EMPTY, type Field, fields } from './fields.ts'

/** NCSA's common log format, as far as DNS has its fields. */
export const COMMON: string =
  `{remote}:{port} ${EMPTY} {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" ` +
  '{rcode} {>rflags} {rsize} {duration}'
const COMBINED: string = `${COMMON} "{>opcode}"`

/** A log format, taken apart once so that a line is put together without searching. */
export class Format {
  readonly #parts: readonly (string | Field)[]

  /** @param text with placeholders in braces; unknown ones stay as they are */
  constructor(text: string) {
    const spelt = text.replaceAll('{common}', COMMON).replaceAll('{combined}', COMBINED)
    this.#parts = spelt
      .split(/(\{[^{}]*\})/)
      .filter((part) => part !== '')
      .map((part) => fields.get(part) ?? (isLabel(part) ? EMPTY : part))
  }

  /** The line for a query that took `seconds`. */
  write(q: Query, seconds: number): string {
    let line = ''
    for (const part of this.#parts) line += typeof part === 'string' ? part : part(q, seconds)
    return line
  }
}

/** `{/plugin/label}`, or any other word behind a slash: metadata, of which there is none but this plugin's own. */
function isLabel(part: string): boolean {
  return part.startsWith('{/')
}
