import { printable, printableJson } from '../../../lib/printable.ts'

/** A piece of a page in which everything that came from outside is escaped. */
export class Html {
  readonly text: string

  /** @param text HTML as its author wrote it; what others wrote comes in by `markup` alone */
  constructor(text: string) {
    this.text = text
  }
}

/** What may stand in a template: text and numbers are escaped, lists joined, null leaves nothing. */
export type Piece = Html | string | number | null | readonly Piece[]

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * A template of HTML. Values are text, in elements and in quoted attributes: what could end either is
 * escaped, and what hides or turns the text around it (U+202E and the like) is spelt.
 */
export function markup(parts: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return new Html(parts.map((part, i) => part + written(values[i] ?? null)).join(''))
}

function written(value: Piece): string {
  if (value === null) return ''
  if (value instanceof Html) return value.text
  if (value instanceof Array) return value.map(written).join('')
  return escapeHtml(String(value))
}

function escapeHtml(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (c) => ESCAPES[c] ?? c)
}

/**
 * JSON for a script element of type application/json. No `<` is left in it, so that nothing in it ends
 * the element or begins a comment, and nothing that cannot be seen; it parses to the same value.
 */
export function inlineJson(value: unknown): Html {
  return new Html(printableJson(JSON.stringify(value)).replaceAll('<', '\\u003c'))
}
