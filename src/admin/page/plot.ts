import { markup, Markup } from './markup.ts'

/**
 * Geometry of the charts. Each column is COLUMN units wide and the plot HEIGHT high; the page stretches
 * it to whatever room there is, which leaves lines at their width and texts outside of it.
 */
const COLUMN = 10
const HEIGHT = 100
/** Steps from few to many in the colours of the heat map. */
export const LEVELS = 7

/** Bars from a base line up, as one path: `values` and `base` are shares of the height. */
export function bars(values: readonly number[], base: readonly number[] = []): string {
  let path = ''
  for (const [i, value] of values.entries()) {
    if (value <= 0) continue
    const bottom = HEIGHT * (1 - Math.min(1, base[i] ?? 0))
    const top = HEIGHT * (1 - Math.min(1, (base[i] ?? 0) + value))
    path += `M${i * COLUMN} ${round(bottom)}V${round(top)}h${COLUMN}V${round(bottom)}z`
  }
  return path
}

/** A line of steps; null is a gap. `values` are shares of the height. */
export function steps(values: readonly (number | null)[]): string {
  let path = ''
  let isOpen = false
  for (const [i, value] of values.entries()) {
    if (value !== null) {
      const y = round(HEIGHT * (1 - Math.min(1, Math.max(0, value))))
      path += isOpen ? `V${y}h${COLUMN}` : `M${i * COLUMN} ${y}h${COLUMN}`
    }
    isOpen = value !== null
  }
  return path
}

/** The least count of each colour, from one query up in equal ratios to the most of any cell. */
export function thresholds(most: number): number[] {
  if (most < 1) return []
  const all = Array.from({ length: LEVELS }, (_, i) => Math.ceil(most ** (i / LEVELS) - 1e-6))
  return [...new Set(all)].filter((least) => least <= most)
}

/**
 * The cells of a heat map, a path for each colour. `columns` are counts by bucket, the fastest first,
 * which lies at the bottom. Neighbours of one colour are one rectangle; cells without a query are none.
 */
export function heatCells(
  columns: readonly (readonly number[])[],
  levels: readonly number[],
): string[] {
  const paths = levels.map(() => '')
  const rows = columns.reduce((most, { length }) => Math.max(most, length), 0)
  const height = HEIGHT / rows
  for (let row = 0; row < rows; row++) {
    const y = round(HEIGHT - (row + 1) * height)
    let begun = 0
    let open = -1
    for (let i = 0; i <= columns.length; i++) {
      const level = levelOf(columns[i]?.[row] ?? 0, levels)
      if (level === open) continue
      const width = (i - begun) * COLUMN
      if (open >= 0) paths[open] += `M${begun * COLUMN} ${y}h${width}v${round(height)}h-${width}z`
      begun = i
      open = level
    }
  }
  return paths
}

function levelOf(times: number, levels: readonly number[]): number {
  let level = levels.length - 1
  while (level >= 0 && times < levels[level]!) level--
  return level
}

/** The least of 1, 2, 2.5 or 5 times a power of ten that is not less than `value`. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 2.5, 5].find((factor) => factor * power >= value) ?? 10) * power
}

export interface PlotParts {
  /** For the style of its height. */
  readonly kind: string
  readonly title: string
  /** What it shows, for who cannot see it. */
  readonly summary: string
  readonly columns: number
  readonly paths: readonly { readonly of: string; readonly d: string }[]
  /** Lines across, as shares of the height. */
  readonly lines: readonly number[]
  /** What a pointer gets to read over each column. */
  readonly hints: readonly string[]
  /** Texts beside it, from the top down, evenly spread. */
  readonly labels: readonly string[]
}

/** A chart with its labels beside it, and no text of its own that would be stretched. */
export function plot({
  kind,
  title,
  summary,
  columns,
  paths,
  lines,
  hints,
  labels,
}: PlotParts): Markup {
  const width = columns * COLUMN
  const first = columns - hints.length
  return markup`<div class="plot ${kind}"><div class="scale" aria-hidden="true">${labels.map((label) => markup`<span>${label}</span>`)}</div><svg role="img" aria-label="${title}. ${summary}" viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none">${new Markup(
    lines.map((y) => `<path class="line" d="M0 ${round(HEIGHT * (1 - y))}H${width}"/>`).join(''),
  )}${paths.map(({ of, d }) => (d === '' ? null : markup`<path class="${of}" d="${new Markup(d)}"/>`))}${
    hints.length === 0
      ? null
      : markup`<g class="hints">${hints.map((hint, i) => markup`<path d="M${(first + i) * COLUMN} 0h${COLUMN}v${HEIGHT}h-${COLUMN}z"><title>${hint}</title></path>`)}</g>`
  }</svg></div>`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
