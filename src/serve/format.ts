import type { BlockMetadata } from './metadata.ts'
import type { Query } from './query.ts'
import { EMPTY, type Field, fields } from './fields.ts'

/** NCSA's common log format, as far as DNS has its fields. */
export const COMMON: string =
  `{remote}:{port} ${EMPTY} {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" ` +
  '{rcode} {>rflags} {rsize} {duration}'
const COMBINED: string = `${COMMON} "{>opcode}"`

/** A log format, taken apart once so that a line is put together without searching. */
export class Format {
  readonly #parts: readonly (string | Field)[]

  /**
   * @param text with placeholders in braces; unknown ones stay as they are
   * @param metadata of the block, for `{/plugin/label}`
   */
  constructor(text: string, metadata: BlockMetadata | null = null) {
    const spelt = text.replaceAll('{common}', COMMON).replaceAll('{combined}', COMBINED)
    this.#parts = spelt
      .split(/(\{[^{}]*\})/)
      .filter((part) => part !== '')
      .map((part) => fields.get(part) ?? labelField(part, metadata) ?? part)
  }

  /** The line for a query that took `seconds`. */
  write(q: Query, seconds: number): string {
    let line = ''
    for (const part of this.#parts) line += typeof part === 'string' ? part : part(q, seconds)
    return line
  }
}

/** `{/plugin/label}`, or any other word behind a slash: metadata, and `-` where there is none. */
function labelField(part: string, metadata: BlockMetadata | null): Field | null {
  if (!part.startsWith('{/')) return null
  const label = part.slice(2, -1)
  return (q) => metadata?.value(label, q) ?? EMPTY
}
