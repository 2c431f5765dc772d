import { printable } from '../../lib/printable.ts'

/** UTF-16 units of a text that are shown; what is longer is somebody's attempt to fill the page. */
const LONGEST_TEXT = 512

/** A piece of HTML. Who makes one without `markup` vouches for every character of it. */
export class Markup {
  readonly html: string

  constructor(html: string) {
    this.html = html
  }
}

type Part = Markup | string | number | null | readonly Part[]

/**
 * HTML from a template: strings and numbers in it are text, or the value of a quoted attribute, and are
 * escaped; null is nothing; lists are joined.
 */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let html = strings[0]!
  for (let i = 0; i < parts.length; i++) html += htmlOf(parts[i] ?? null) + strings[i + 1]!
  return new Markup(html)
}

function htmlOf(part: Part): string {
  if (part === null) return ''
  if (typeof part === 'string') return escape(part)
  if (typeof part === 'number') return String(part)
  if (part instanceof Markup) return part.html
  let html = ''
  for (const one of part) html += htmlOf(one)
  return html
}

const MARKUP = /[&<>"']/g
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
/** The first half of a character whose second one is cut off. */
const HALF = /[\uD800-\uDBFF]$/
/** Texts that hide and cover nothing, nearly all: Unicode's properties, which take memory for good, are not asked. */
const PLAIN = /^[ -~·–’…→≤]*$/
/** Marks that are set above or below a letter: a pile of them covers the lines around it. */
const PILE = /(\p{M}{2})\p{M}+/gu

/**
 * A text that others may have written, as text of a page: its markup is escaped, what turns, hides or
 * covers the text around it is spelt or left out, and it ends somewhere.
 */
function escape(text: string): string {
  const short =
    text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT).replace(HALF, '')}…` : text
  const harmless = PLAIN.test(short) ? short : printable(short).replace(PILE, '$1…')
  return harmless.replace(MARKUP, entityOf)
}

function entityOf(character: string): string {
  return ENTITIES[character]!
}
