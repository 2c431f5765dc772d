import { firstOf, count, percent } from './format.ts'
import { markup, Markup } from './markup.ts'

/** A part of the page. The script replaces it by the one of this id in a newer page. */
export function section(id: string, title: string, body: Markup | readonly Markup[]): Markup {
  return markup`${sectionHead(id, title)}${body}${sectionEnd}`
}

export function sectionHead(id: string, title: string): Markup {
  return markup`<section id="${id}" aria-labelledby="${id}-title" data-part><h2 id="${id}-title">${title}</h2>`
}

export const sectionEnd: Markup = new Markup('</section>\n')

export interface Column<Row> {
  readonly title: string
  /**
   * How wide it is, and at which end its texts stand: `number` and `gauge` (a number with a bar) at the
   * right one; `word` is rarely broken; `wide` gets the most room. Else columns share what is left.
   */
  readonly kind?: 'number' | 'gauge' | 'word' | 'wide'
  readonly cell: (row: Row) => Markup | string | number | null
}

export interface TableParts<Row> {
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  /** Rows that are shown; how many there are besides is said below. */
  readonly most: number
  /** What is said where there is no row. */
  readonly empty: string
  /** Whether its rows become blocks of lines on a narrow screen. */
  readonly stacks?: boolean
}

/** A table of some rows. Its roles are said: a table laid out as blocks loses them in some browsers. */
export function table<Row>(parts: TableParts<Row>): Markup {
  const { caption, columns, rows, most, empty, stacks = false } = parts
  if (rows.length === 0) return markup`<p class="empty">${empty}</p>`
  const { shown, more } = firstOf(rows, most)
  return markup`<table role="table"${stacks ? new Markup(' class="stacks"') : null}><caption>${caption}</caption><thead role="rowgroup"><tr role="row">${columns.map(
    ({ title, kind }) => markup`<th role="columnheader" scope="col"${classOf(kind)}>${title}</th>`,
  )}</tr></thead><tbody role="rowgroup">${bodyOf(columns, shown)}</tbody></table>${moreThan(more)}`
}

function moreThan(more: number): Markup | null {
  return more === 0 ? null : markup`<p class="more">and ${count(more)} more</p>`
}

/** What is the same in each row is written once: there are hundreds of cells. */
function bodyOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Markup {
  const heads = columns.map(({ title, kind }, i) =>
    i === 0
      ? markup`<th role="rowheader" scope="row" data-label="${title}"${classOf(kind)}><div>`.html
      : markup`<td role="cell" data-label="${title}"${classOf(kind)}><div>`.html,
  )
  let html = ''
  for (const row of rows) {
    html += '<tr role="row">'
    for (let i = 0; i < columns.length; i++)
      html += `${heads[i]}${markup`${columns[i]!.cell(row)}`.html}</div></${i === 0 ? 'th' : 'td'}>`
    html += '</tr>'
  }
  return new Markup(html)
}

function classOf(kind: string | undefined): Markup | null {
  return kind === undefined ? null : markup` class="${kind}"`
}

const MOST_LABELS = 40

/** A domain name, which may be broken before its dots and has to be nowhere else. */
export function domainName(name: string): Markup {
  // Names of very many labels are not worth their elements.
  const labels = name.split('.', MOST_LABELS + 1)
  if (labels.length > MOST_LABELS) return markup`<code>${name}</code>`
  return markup`<code>${labels.map((label, i) => (i === 0 ? label : markup`<wbr>.${label}`))}</code>`
}

/** Names and what they stand for. A value of null leaves its line out. */
export function facts(list: readonly (readonly [string, Markup | string | null])[]): Markup {
  return markup`<dl class="facts">${list.map(([name, value]) =>
    value === null ? null : markup`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>`
}

/** A share as a bar beside its number, which has to stand there as well. */
export function bar(share: number): Markup {
  const width = Math.round(1_000 * Math.min(1, Math.max(0, share))) / 10
  return markup`<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect class="all" width="100" height="1"/><rect class="part" width="${width}" height="1"/></svg>`
}

/** `1,204 of 9,984`, with a bar of it. */
export function fill(entries: number, capacity: number): Markup {
  return markup`${count(entries)} of ${count(capacity)} ${capacity > 0 ? bar(entries / capacity) : null}`
}

/** `93.1 %`, or a dash where there is nothing to take a share of. */
export function shareText(share: number | null): string {
  return share === null ? '–' : percent(share)
}

const ICONS = {
  well: '<path d="M8 .5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15z"/><path class="cut" d="m4.5 8.3 2.4 2.4 4.6-5"/>',
  notice: '<path d="M8 1 .6 14.5h14.8z"/><path class="cut" d="M8 6v4M8 11.7v1.3"/>',
  problem:
    '<path d="M5 .5h6L15.5 5v6L11 15.5H5L.5 11V5z"/><path class="cut" d="m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4"/>',
} as const

/** A sign of its own shape for each state; a text says the same beside it. */
export function icon(state: keyof typeof ICONS): Markup {
  return markup`<svg class="icon ${state}" viewBox="0 0 16 16" aria-hidden="true">${new Markup(ICONS[state])}</svg>`
}
